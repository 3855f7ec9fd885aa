//! onehop
mod percent; mod query; mod click_id; mod hit_id; mod outcome; 
pub mod visitor; pub mod link; pub mod redirect;
