//! What is wrong with a setting, where it came from, and what to do.

use std::fmt;
use std::path::PathBuf;

/// Where the value of a setting came from.
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
        /// The variable, `_FILE` included.
        variable: String,
        /// What it names.
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

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting (`queue.lease`), or what else is at fault: a file, a variable.
    pub key: String,
    /// Its value as TOML; none for secrets, and where there is no value.
    pub value: Option<String>,
    /// Where that came from.
    pub origin: Option<Origin>,
    /// What is wrong with it; continues the sentence that begins with the key.
    pub problem: String,
    /// What to do.
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

/// Why the settings are refused: everything that was found, not just the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// In the order in which they were found; never empty.
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
