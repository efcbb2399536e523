//! Where a server's data goes, and who may get at it.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{User, geteuid};
use sha2::{Digest, Sha256};

use super::error::ServerError;

/// The user that Postgres runs as, where that is not us: it refuses to run as root.
pub(super) fn postgres_user() -> Result<Option<User>, ServerError> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten())
        .map(Some)
        .ok_or(ServerError::NoUser)
}

/// Creates `dir` for us alone, unless it is there, and returns its absolute path.
pub(in crate::dev) fn create(dir: &Path) -> Result<PathBuf, ServerError> {
    create_private(dir)?;
    dir.canonicalize().map_err(ServerError::io("find", dir))
}

/// Creates a directory for a server that runs as `user`, and returns where it is.
///
/// That is `dir`, unless `user` may not pass through a directory above it (as with everything below
/// `/root`). Then it is a directory of its own under `/var/tmp`, always the same for the same `dir`.
pub(super) fn create_for(dir: &Path, user: Option<&User>) -> Result<PathBuf, ServerError> {
    let Some(user) = user else { return create(dir) };
    let parent = dir.parent().unwrap_or(Path::new("."));
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    fs::create_dir_all(parent).map_err(ServerError::io("create", parent))?;
    let parent = parent.canonicalize().map_err(ServerError::io("find", parent))?;
    let wanted = parent.join(dir.file_name().unwrap_or_default());
    let place = if passable(&parent, user)? { wanted } else { substitute(&wanted) };
    create_private(&place)?;
    give(&place, user)?;
    Ok(place)
}

/// Whether servers can have their data in new directories below `dir`.
pub(in crate::dev) fn reachable(dir: &Path) -> Result<bool, ServerError> {
    match postgres_user()? {
        Some(user) => passable(dir, &user),
        None => Ok(true),
    }
}

/// Where the data of `dir` goes when its user cannot reach it.
fn substitute(dir: &Path) -> PathBuf {
    let hash = hex::encode(Sha256::digest(dir.as_os_str().as_encoded_bytes()));
    Path::new("/var/tmp").join(format!("quittance-{}-{}", geteuid(), &hash[..12]))
}

/// Makes `user` the owner of a directory that is ours or already theirs. Under `/var/tmp` someone
/// else could have made one of that name before us.
fn give(dir: &Path, user: &User) -> Result<(), ServerError> {
    let meta = fs::symlink_metadata(dir).map_err(ServerError::io("read", dir))?;
    let ours = meta.uid() == geteuid().as_raw() || meta.uid() == user.uid.as_raw();
    if !(meta.is_dir() && ours) {
        return Err(ServerError::Foreign { dir: dir.to_owned() });
    }
    chown(dir, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
        .and_then(|()| fs::set_permissions(dir, Permissions::from_mode(0o700)))
        .map_err(ServerError::io("give away", dir))
}

/// Whether `user` may pass through `dir` and all above it.
fn passable(dir: &Path, user: &User) -> Result<bool, ServerError> {
    for dir in dir.ancestors() {
        let meta = fs::metadata(dir).map_err(ServerError::io("read", dir))?;
        let search = if meta.uid() == user.uid.as_raw() {
            0o100
        } else if meta.gid() == user.gid.as_raw() {
            0o010
        } else {
            0o001
        };
        if meta.mode() & search == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn create_private(dir: &Path) -> Result<(), ServerError> {
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(parent) = parent {
        fs::create_dir_all(parent).map_err(ServerError::io("create", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        result => result.map_err(ServerError::io("create", dir)),
    }
}
