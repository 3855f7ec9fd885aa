//! onehop
mod percent; mod query; mod click_id; mod hit_id; mod outcome; mod edge; mod hit; mod observe; mod admin; mod listener; mod server;
pub mod visitor; pub mod link; pub mod redirect; pub mod click; pub mod sandbox;
