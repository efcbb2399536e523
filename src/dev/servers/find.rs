//! Where the servers' programs are. `scripts/setup.sh` looks in the same places.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::ServerError;

/// Names the program of Redis or Valkey to run, wherever else there is one.
const REDIS_VARIABLE: &str = "QUITTANCE_DEV_REDIS";

/// Names the directory of the programs of Postgres to run, wherever else there are some.
const POSTGRES_VARIABLE: &str = "QUITTANCE_DEV_POSTGRES";

/// The oldest Postgres that the product supports.
const OLDEST_POSTGRES: u32 = 14;

/// Directories beside PATH that packages put programs into.
const REDIS_DIRS: &[&str] = &["/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin"];

/// Directories that hold one directory a version, and what follows the version there.
const POSTGRES_DIRS: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/opt/local/lib", "postgresql", "bin"),
];

/// The server of Redis, or of Valkey.
pub(super) fn redis() -> Result<PathBuf, ServerError> {
    if let Some(program) = std::env::var_os(REDIS_VARIABLE).map(PathBuf::from) {
        let missing = ServerError::Missing {
            program: "redis-server",
            places: "what QUITTANCE_DEV_REDIS says",
        };
        return if program.is_file() { Ok(program) } else { Err(missing) };
    }
    redis_in(&path().chain(REDIS_DIRS.iter().map(PathBuf::from)).collect::<Vec<_>>())
}

fn redis_in(dirs: &[PathBuf]) -> Result<PathBuf, ServerError> {
    ["redis-server", "valkey-server"]
        .iter()
        .find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|p| p.is_file()))
        .ok_or(ServerError::Missing {
            program: "redis-server (or valkey-server)",
            places: "/usr/local/bin, /opt/homebrew/bin or /opt/local/bin",
        })
}

/// The directory of Postgres' programs: of the version `wanted` (that of an existing cluster), or
/// else of the newest one.
pub(super) fn postgres(wanted: Option<u32>) -> Result<PathBuf, ServerError> {
    match std::env::var_os(POSTGRES_VARIABLE).map(PathBuf::from) {
        Some(named) => postgres_in([named].into_iter(), wanted),
        None => postgres_in(path().chain(postgres_dirs()), wanted),
    }
}

fn postgres_in(
    dirs: impl Iterator<Item = PathBuf>,
    wanted: Option<u32>,
) -> Result<PathBuf, ServerError> {
    let mut versions = BTreeMap::new();
    for dir in dirs {
        // Links (Debian's own, and those that people make on PATH) hide the directory where the
        // programs find each other.
        if let Ok(initdb) = dir.join("initdb").canonicalize()
            && let Some(home) = initdb.parent()
            && let Some(major) = major(home)
        {
            versions.entry(major).or_insert_with(|| home.to_owned());
        }
    }
    if versions.is_empty() {
        return Err(ServerError::Missing {
            program: "postgres (with initdb)",
            places: "/usr/lib/postgresql/*/bin, /opt/homebrew/opt/postgresql@*/bin or the like",
        });
    }
    let found = match wanted {
        Some(major) => versions.get(&major),
        None => versions.range(OLDEST_POSTGRES..).next_back().map(|(_, home)| home),
    };
    found.cloned().ok_or_else(|| version_error(wanted, &versions))
}

fn version_error(wanted: Option<u32>, versions: &BTreeMap<u32, PathBuf>) -> ServerError {
    let found = versions.keys().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let (needed, remedy) = match wanted {
        Some(major) => (
            format!("{major}, which made the existing data,"),
            "Install it, or delete the data to begin anew.".to_owned(),
        ),
        None => (
            format!("{OLDEST_POSTGRES} or newer"),
            "Run `scripts/setup.sh`, or install a newer one.".to_owned(),
        ),
    };
    ServerError::Version { needed, found, remedy }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → 15
fn major(home: &Path) -> Option<u32> {
    let output = Command::new(home.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    version.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

fn postgres_dirs() -> impl Iterator<Item = PathBuf> {
    POSTGRES_DIRS.iter().flat_map(|(parent, prefix, bin)| {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        entries
            .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(move |entry| entry.path().join(bin))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_is_named_with_the_remedy() {
        let nowhere = || vec![PathBuf::from("/nowhere")];
        let redis = redis_in(&nowhere()).unwrap_err().to_string();
        assert!(redis.contains("redis-server") && redis.contains("scripts/setup.sh"), "{redis}");
        let postgres = postgres_in(nowhere().into_iter(), None).unwrap_err().to_string();
        assert!(postgres.contains("initdb") && postgres.contains("scripts/setup.sh"), "{postgres}");
    }

    #[test]
    fn the_server_of_redis_or_of_valkey_is_found_where_it_is() {
        let dir = std::env::temp_dir().join(format!("find-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&dir).unwrap();
        for program in ["valkey-server", "redis-server"] {
            std::fs::write(dir.join(program), "").unwrap();
            let found = redis_in(&["/nowhere".into(), dir.clone()]).unwrap();
            assert_eq!(found, dir.join(program));
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
