//! What has been: hits read back from click logs, one after the other, whatever the size of the logs.
//!
//! Owns the reading of lines, and where files come from. What is made of them is for those who ask.

mod files;
mod line;
mod whole;

pub use self::{
    files::{Broken, Files, Numbered, Progress},
    line::{Line, Visit},
    whole::{Field, Whole},
};
