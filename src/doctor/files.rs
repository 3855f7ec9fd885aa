//! Files: how many may be open, and whether the click log can be written.

use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
};

use super::{Check, Finding, Mark};
use crate::{
    listener::descriptors,
    observe::{click_log::Settings, log_file},
};

/// Whether as many files may be open as so many connections need.
pub fn open_files(connections: u32) -> Finding {
    judge_open_files(connections, descriptors::wanted(connections), descriptors::most())
}

fn judge_open_files(connections: u32, wanted: u64, most: u64) -> Finding {
    let told = |mark, found: String| Finding::new(mark, Check::OpenFiles, "limits.connections", found);
    if most >= wanted {
        return told(
            Mark::Ok,
            format!("{wanted} files may be open, as {connections} connections need"),
        );
    }
    told(
        Mark::Warn,
        format!("{most} files may be open at most, and {connections} connections need {wanted}"),
    )
    .mend(format!(
        "raise the limit: LimitNOFILE={wanted} in the service, or ulimit -n {wanted}; this is the limit of whoever asks now"
    ))
}

/// Whether the click log can be written. What is there stays as it is.
pub fn click_log(settings: &Settings) -> Finding {
    let path = &settings.path;
    let told = |mark, found: String| Finding::new(mark, Check::ClickLogFile, path.display().to_string(), found);
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let is_there = fs::symlink_metadata(path).is_ok();
    let file = if is_there {
        log_file::append_with(&mut OpenOptions::new(), path).map(drop)
    } else {
        Ok(())
    };
    // To rotate is to make and move files beside it.
    let beside = if is_there && !settings.rotation.is_on() {
        Ok(())
    } else {
        try_folder(folder)
    };
    match file.and(beside) {
        Ok(()) if is_there => told(Mark::Ok, "is there, and can be written".to_owned()),
        Ok(()) => told(Mark::Ok, "is not there yet, and can be made".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            told(Mark::Warn, "cannot be written by this user".to_owned())
                .mend("let the user that the edge runs as write there; if that is another one, ask as that one")
        }
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            told(Mark::Warn, format!("cannot be written: {error}")).mend("start its reader before the edge")
        }
        Err(error) => told(Mark::Fail, format!("cannot be written: {error}"))
            .mend("name a file in a folder that exists and can be written: click_log.path"),
    }
}

/// Makes a file in a folder, and removes it.
fn try_folder(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".onehop-doctor-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{
        log_file::Rotation,
        shape::{Dropped, IpForm},
    };

    #[test]
    fn too_few_open_files_are_told_of() {
        assert_eq!(judge_open_files(10_000, 12_548, 65_536).mark, Mark::Ok);
        let few = judge_open_files(10_000, 12_548, 4_096);
        assert!(few.mark == Mark::Warn && few.mend.is_some_and(|mend| mend.contains("LimitNOFILE=12548")));
    }

    #[test]
    fn a_folder_is_left_as_it_was() {
        let folder = std::env::temp_dir().join(format!("onehop-{}-doctor", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let of = |name: &str| Settings {
            path: folder.join(name),
            rotation: Rotation::default(),
            ip: IpForm::Full,
            dropped: Dropped::default(),
        };
        assert_eq!(click_log(&of("clicks.jsonl")).mark, Mark::Ok);
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
        fs::write(folder.join("clicks.jsonl"), "x").expect("a file");
        assert_eq!(click_log(&of("clicks.jsonl")).mark, Mark::Ok);
        assert_eq!(fs::read(folder.join("clicks.jsonl")).expect("a file"), b"x");
        assert_eq!(click_log(&of("none/clicks.jsonl")).mark, Mark::Fail);
        fs::remove_dir_all(&folder).expect("a folder");
    }
}
