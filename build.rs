//! Links the compiler's unwinder into the program, which is then loaded without `libgcc_s`: one library less to map at each start.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |key, value| env::var(key).is_ok_and(|found| found == value);
    if !is("CARGO_CFG_TARGET_OS", "linux")
        || !is("CARGO_CFG_TARGET_ENV", "gnu")
        || env::var("HOST") != env::var("TARGET")
    {
        return;
    }
    let Ok(said) = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output() else {
        return;
    };
    let file = String::from_utf8_lossy(&said.stdout);
    let file = Path::new(file.trim());
    if let (true, Some(folder)) = (file.is_absolute(), file.parent()) {
        println!("cargo:rustc-link-search=native={}", folder.display());
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}
