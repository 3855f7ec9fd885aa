//! The folder of certificates: which files belong together, and whether they are still the same.
//!
//! Two layouts, side by side if need be: `NAME.crt` with `NAME.key`, and `NAME/fullchain.pem` with `NAME/privkey.pem`, as
//! certbot leaves them. Links are followed, names that begin with a dot are passed over (Kubernetes keeps its versions
//! there). What is in the files is `pair`'s.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::file_print::FilePrint;

/// A certificate's file and its key's, of which one at least is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    /// What tells it from others: the certificate's path below the folder.
    pub(super) name: String,
    /// `NAME`, by which certificates are ordered.
    pub(super) stem: String,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) has_certificate: bool,
    pub(super) has_key: bool,
}

/// What is in a folder, by order of `NAME`.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Files>> {
    let mut found: Vec<Files> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        if file.starts_with('.') {
            continue;
        }
        let stem = file.strip_suffix(".crt").or_else(|| file.strip_suffix(".key"));
        let files = match stem {
            Some(stem) => Files::at(folder, stem, format!("{stem}.crt"), format!("{stem}.key")),
            None => Files::at(
                folder,
                &file,
                format!("{file}/fullchain.pem"),
                format!("{file}/privkey.pem"),
            ),
        };
        if files.has_certificate || files.has_key {
            found.push(files);
        }
    }
    found.sort_by(|a, b| (&a.stem, &a.name).cmp(&(&b.stem, &b.name)));
    found.dedup();
    Ok(found)
}

impl Files {
    fn at(folder: &Path, stem: &str, certificate: String, key: String) -> Self {
        let (certificate_path, key) = (folder.join(&certificate), folder.join(key));
        // A link that leads nowhere is there: its target is missing, and that is to be told of.
        let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
        Self {
            name: certificate,
            stem: stem.to_owned(),
            has_certificate: is_there(&certificate_path),
            has_key: is_there(&key),
            certificate: certificate_path,
            key,
        }
    }
}

/// What tells the files of a folder from those that were there before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(Option<Vec<(PathBuf, Option<FilePrint>)>>);

impl Fingerprint {
    /// Looks at every file there is; links are followed.
    pub fn of(folder: &Path) -> Self {
        let prints = list(folder).map(|found| {
            let paths = found.into_iter().flat_map(|files| [files.certificate, files.key]);
            paths
                .map(|path| {
                    let print = FilePrint::of(&path);
                    (path, print)
                })
                .collect()
        });
        Self(prints.ok())
    }
}
