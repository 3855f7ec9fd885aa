//! A mistake in a certificate's files, as data: who prints it is another.

use std::{fmt, path::PathBuf};

/// Whether a certificate can be served all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The certificate cannot be served.
    Error,
    /// It is served, and somebody will be sorry.
    Warning,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Whether the certificate can be served all the same.
    pub severity: Severity,
    /// The file, or the folder.
    pub path: PathBuf,
    /// What is wrong: half a sentence whose subject is the file.
    pub message: String,
    /// The mend.
    pub help: String,
}

impl Mistake {
    pub(super) fn error(path: impl Into<PathBuf>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            message: message.into(),
            help: help.into(),
        }
    }

    pub(super) fn warning(path: impl Into<PathBuf>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(path, message, help)
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` {}: {}", self.path.display(), self.message, self.help)
    }
}
