//! A temporary directory for servers, which is removed at the end, and by the next one if need be.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::servers::reachable;

const PREFIX: &str = "quittance-scratch-";

/// Exists as long as this does.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    /// Held while the directory is in use, so that an abandoned one can be told.
    _lock: File,
}

impl Scratch {
    /// Makes one, and removes those whose process was killed.
    pub(super) fn create() -> io::Result<Self> {
        let parent = parent()?;
        sweep(&parent)?;
        let id = format!("{:016x}", rand::random::<u64>());
        // It gets its name when it is locked: a name without a lock means abandoned.
        let (new, path) =
            (parent.join(format!(".{PREFIX}{id}")), parent.join(format!("{PREFIX}{id}")));
        // Another user may pass through (Postgres does, when we are root), and not look around.
        // Set afterwards, since the umask may take that away.
        DirBuilder::new().mode(0o700).create(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(0o711))?;
        let lock = File::create_new(new.join("lock"))?;
        lock.lock()?;
        fs::rename(&new, &path)?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next one may have begun to remove it too.
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "could not remove a directory");
        }
    }
}

/// The first place where servers can have their data: what is below another one would be replaced by a
/// directory elsewhere, and be left there.
fn parent() -> io::Result<PathBuf> {
    let usual = std::env::temp_dir().canonicalize()?;
    let places = [usual.clone(), "/tmp".into(), "/var/tmp".into()];
    Ok(places.into_iter().find(|dir| reachable(dir).unwrap_or(false)).unwrap_or(usual))
}

/// Removes the directories of ours that no process holds. What cannot be removed now (its servers may
/// be just about to end, or another process may be removing it too) is left to the next one.
fn sweep(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)?.flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && abandoned(&path).unwrap_or(false)
            && let Err(error) = fs::remove_dir_all(&path)
        {
            tracing::debug!(path = %path.display(), %error, "could not remove a directory yet");
        }
    }
    Ok(())
}

fn abandoned(path: &Path) -> io::Result<bool> {
    let meta = fs::symlink_metadata(path)?;
    let ours = meta.is_dir() && meta.uid() == geteuid().as_raw();
    let lock = match File::open(path.join("lock")) {
        Ok(lock) => lock,
        // Its removal was begun and not ended: a server that was still ending wrote into it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ours),
        Err(error) => return Err(error),
    };
    match lock.try_lock() {
        Ok(()) => Ok(ours),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_stays_and_what_is_not_goes_also_when_half_of_it_is_gone() {
        let parent = std::env::temp_dir().join(format!("sweep-{:016x}", rand::random::<u64>()));
        let dir = |name: &str| parent.join(format!("{PREFIX}{name}"));
        for name in ["held", "abandoned", "half"] {
            fs::create_dir_all(dir(name).join("data")).unwrap();
        }
        fs::create_dir(parent.join("of-another-user")).unwrap();
        let held = File::create_new(dir("held").join("lock")).unwrap();
        held.lock().unwrap();
        File::create_new(dir("abandoned").join("lock")).unwrap();

        sweep(&parent).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(&parent).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["of-another-user", &format!("{PREFIX}held")]);
        fs::remove_dir_all(&parent).unwrap();
    }
}
