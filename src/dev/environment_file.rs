//! The roles' settings as a file for a shell, so that `quittance status` and all others work beside
//! `quittance dev`.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::servers::ServerError;

/// The file, which goes when this is dropped: it leads to servers that are there as long as we are.
#[derive(Debug)]
pub(super) struct EnvironmentFile(PathBuf);

impl EnvironmentFile {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for EnvironmentFile {
    fn drop(&mut self) {
        // What cannot be removed is replaced by the next run.
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes `env` into `root`, for us alone: it holds the passwords of the servers.
pub(super) fn write(
    root: &Path,
    env: &[(String, OsString)],
) -> Result<EnvironmentFile, ServerError> {
    let path = root.join("env");
    let text: String =
        env.iter().map(|(name, value)| line(name, &value.to_string_lossy())).collect();
    // A file of an earlier run keeps the rights that it had.
    if path.exists() {
        fs::remove_file(&path).map_err(ServerError::io("remove", &path))?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.map_err(ServerError::io("create", &path))?;
    file.write_all(text.as_bytes()).map_err(ServerError::io("write", &path))?;
    Ok(EnvironmentFile(path))
}

fn line(name: &str, value: &str) -> String {
    format!("export {name}='{}'\n", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let odd = "it's; $HOME `x` \"y\"";
        fs::write(dir.path().join("env"), "of a run that was killed").unwrap();
        let file = write(dir.path(), &[("ODD".to_owned(), odd.into())]).unwrap();
        let path = file.path().to_owned();
        let script = format!(". {} && printf %s \"$ODD\"", path.display());
        let ended = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(ended.stdout).unwrap(), odd);
        drop(file);
        assert!(!path.exists(), "it leads nowhere when the servers are gone");
    }
}
