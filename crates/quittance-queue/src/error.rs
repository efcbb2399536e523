//! Errors of the queue.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use quittance_domain::failure::{self, Class, Dependency};

/// Why the queue could not do it.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// `redis.url` is no URL of a Redis.
    #[error("redis.url is not usable; it looks like redis://user:password@host:6379/0")]
    Url(#[source] RedisError),
    /// The server is too old.
    #[error("Redis {found} is too old: upgrade it to 6.2 or later (Valkey will do)")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// Something else uses a key of the queue.
    #[error(
        "the key {key} holds a {found} where the queue keeps a {expected}: \
         choose another queue.name, or remove the key"
    )]
    WrongType {
        /// The key.
        key: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: &'static str,
    },
    /// The server is a Redis Sentinel, which keeps no data.
    #[error(
        "redis.url leads to a Redis Sentinel, which is not supported: give the address of the primary \
         (or of a proxy or a DNS name that follows it)"
    )]
    Sentinel,
    /// The server is a node of a Redis Cluster that does not hold the queue's keys.
    #[error(
        "redis.url leads to a node of a Redis Cluster that does not hold the queue: Quittance talks to \
         one server. Use a Redis without cluster mode, or the address of a proxy in front of the cluster"
    )]
    Moved(#[source] RedisError),
    /// Redis does not accept our credentials or forbids a command.
    #[error("Redis refuses: check the user, the password and the ACL of redis.url")]
    Refused(#[source] RedisError),
    /// No connection, or it broke.
    #[error("Redis cannot be reached")]
    Unreachable(#[source] RedisError),
    /// It answers, but not to this: loading, read-only after a failover, out of memory, ...
    #[error("Redis cannot serve this now")]
    NotServing(#[source] RedisError),
    /// It did not answer in time.
    #[error("Redis did not answer within {0:?}")]
    Timeout(Duration),
    /// An answer of an unexpected shape.
    #[error("Redis answered {0} in an unexpected shape")]
    Reply(&'static str),
    /// A job's meta data could not be written.
    #[error("a job's meta data cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The apalis worker ended before the shutdown.
    #[error("the apalis worker ended by itself")]
    Worker(#[source] Option<apalis_core::error::WorkerError>),
    /// A task that another one waits for panicked.
    #[error("a task of the queue panicked")]
    Task(#[source] tokio::task::JoinError),
}

impl QueueError {
    /// Its class.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Url(_)
            | Self::TooOld { .. }
            | Self::WrongType { .. }
            | Self::Sentinel
            | Self::Moved(_)
            | Self::Refused(_) => Class::Misconfigured(Dependency::Redis),
            Self::Unreachable(_) | Self::NotServing(_) | Self::Timeout(_) => {
                Class::Unavailable(Dependency::Redis)
            }
            Self::Reply(_) | Self::Worker(_) | Self::Task(_) => Class::Transient,
            Self::Encode(_) => Class::Permanent,
        }
    }

    /// The whole chain of causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        failure::chain(self).join(": ")
    }

    pub(super) fn from_redis(error: RedisError) -> Self {
        // Codes without a variant in the client: NOAUTH and WRONGPASS of AUTH, WRONGTYPE of a key
        // that something else took.
        let refused = matches!(
            error.kind(),
            ErrorKind::AuthenticationFailed
                | ErrorKind::InvalidClientConfig
                | ErrorKind::RESP3NotSupported
                | ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::CrossSlot)
        ) || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "WRONGTYPE"));
        let moved = matches!(
            error.kind(),
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask)
        );
        if refused {
            Self::Refused(error)
        } else if moved {
            Self::Moved(error)
        } else if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
            Self::NotServing(error)
        } else {
            Self::Unreachable(error)
        }
    }

    /// Whether a new connection may mend it. After a failover the old primary is read-only, and the
    /// same address may already lead to the new one.
    pub(super) fn wants_new_connection(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Timeout(_)
            | Self::Refused(_)
            | Self::Moved(_)
            | Self::Reply(_) => true,
            Self::NotServing(error) => matches!(
                error.kind(),
                ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
            ),
            Self::Url(_)
            | Self::TooOld { .. }
            | Self::WrongType { .. }
            | Self::Sentinel
            | Self::Encode(_)
            | Self::Worker(_)
            | Self::Task(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: &str) -> QueueError {
        QueueError::from_redis(redis::make_extension_error(code.into(), Some("x".into())))
    }

    #[test]
    fn a_redis_that_is_down_loading_or_full_is_unavailable() {
        let io = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        let down = Class::Unavailable(Dependency::Redis);
        assert_eq!(QueueError::from_redis(io).class(), down);
        assert_eq!(server("OOM").class(), down);
        assert_eq!(server("NOGROUP").class(), down);
        assert_eq!(server("MISCONF").class(), down);
        assert_eq!(QueueError::Timeout(Duration::from_secs(1)).class(), down);
    }

    #[test]
    fn a_node_of_a_cluster_that_does_not_hold_the_queue_is_a_wrong_setting_and_says_what_to_do() {
        for code in ["MOVED", "ASK"] {
            let answer = format!("-{code} 3999 127.0.0.1:6381\r\n");
            let value = redis::parse_redis_value(answer.as_bytes()).expect("it is an answer");
            let error: RedisError = value.extract_error().expect_err("it is an error");
            let error = QueueError::from_redis(error);
            assert!(matches!(error, QueueError::Moved(_)), "{error:?}");
            assert_eq!(error.class(), Class::Misconfigured(Dependency::Redis));
            assert!(error.to_string().contains("without cluster mode"), "{error}");
        }
    }

    #[test]
    fn a_wrong_password_is_a_wrong_setting() {
        for code in ["NOAUTH", "WRONGPASS", "WRONGTYPE"] {
            assert_eq!(server(code).class(), Class::Misconfigured(Dependency::Redis), "{code}");
        }
    }
}
