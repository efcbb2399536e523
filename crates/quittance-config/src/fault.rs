//! Faults of settings: the problem, the origin of the value, and the remedy.

use std::fmt;
use std::path::PathBuf;

/// Origin of the value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `config/default.toml`
    Default,
    /// A settings file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A file that an environment variable names.
    VariableFile {
        /// The variable, including `_FILE`.
        variable: String,
        /// Path of the file.
        path: PathBuf,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::VariableFile { variable, path } => {
                write!(f, "{}, which {variable} names", path.display())
            }
        }
    }
}

/// A problem of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting (`queue.lease`), or a file or variable.
    pub key: String,
    /// Its value as TOML; `None` for secrets, and if there is no value.
    pub value: Option<String>,
    /// Origin of the value.
    pub origin: Option<Origin>,
    /// The problem; continues a sentence that begins with the key.
    pub problem: String,
    /// The remedy.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        if let Some(origin) = &self.origin {
            write!(f, " (from {origin})")?;
        }
        write!(f, " {}.\n  {}", self.problem, self.remedy)
    }
}

/// Refusal of the settings, with all faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The faults in the order in which they were found; never empty.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are refused:")?;
        for fault in &self.faults {
            write!(f, "\n{fault}")?;
        }
        Ok(())
    }
}
