//! File descriptors: how many the process may have, and how many connections that allows.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::http::Limits;

/// What a role needs beside the connections that it accepts: to Redis and Postgres, for the log and
/// the metrics.
const RESERVED: u64 = 64;

/// The most that macOS takes, whose hard limit says "unlimited".
const MOST: u64 = 10_240;

/// Raises the soft limit to the hard one. The soft one is often 1024, for the sake of programs that use
/// `select`, and is what a flood of connections runs into first.
pub(crate) fn raise() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft >= hard {
        return;
    }
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
        .or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, hard.min(MOST), hard));
    match raised {
        Ok(()) => tracing::debug!(soft, hard, "raised the limit of file descriptors"),
        Err(error) => {
            tracing::warn!(soft, hard, %error, "cannot raise the limit of file descriptors");
        }
    }
}

/// No more connections than the process may have file descriptors for.
pub(crate) fn within(limits: Limits) -> Limits {
    let Ok((descriptors, _)) = getrlimit(Resource::RLIMIT_NOFILE) else { return limits };
    let possible =
        usize::try_from(descriptors.saturating_sub(RESERVED)).unwrap_or(usize::MAX).max(1);
    if possible >= limits.max_connections {
        return limits;
    }
    tracing::warn!(
        descriptors,
        max_connections = possible,
        "the limit of file descriptors allows fewer connections than ingress.max_connections"
    );
    Limits { max_connections: possible, ..limits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one_and_connections_fit_into_it() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let hard = hard.min(MOST);
        setrlimit(Resource::RLIMIT_NOFILE, hard - 1, hard).unwrap();
        raise();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
        let most = usize::try_from(hard - RESERVED).unwrap();
        let limits = |max_connections| Limits { max_connections, ..Limits::default() };
        assert_eq!(within(limits(usize::MAX)), limits(most));
        assert_eq!(within(limits(7)), limits(7));
    }
}
