//! The actor of a command: `--as`, or the system user.

use std::os::unix::fs::MetadataExt as _;

/// `--as NAME`
#[derive(Debug, clap::Args)]
pub(super) struct ActorArg {
    /// Actor for the audit log [default: the system user].
    #[arg(long = "as", value_name = "NAME", value_parser = actor_name)]
    name: Option<String>,
}

impl ActorArg {
    /// The name for the audit log.
    pub(super) fn name(self) -> String {
        self.name.unwrap_or_else(system_user)
    }
}

/// An actor's name; the audit log requires one.
fn actor_name(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("a name is needed; leave --as out for the system user"),
        name => Ok(name.to_owned()),
    }
}

/// The system user that runs this process: the audit log's actor unless `--as` names one.
///
/// Not from `USER`, which is whatever the environment was left with: under `sudo` and in containers
/// it often names another user. It is only the last resort.
pub(super) fn system_user() -> String {
    // Not `/proc/self` itself, which is a link that root owns.
    let uid = std::fs::metadata("/proc/self/").map(|process| process.uid()).ok();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = uid.and_then(|uid| name_of(uid, &users));
    let told = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok();
    let number = || uid.map(|uid| format!("uid {uid}"));
    known
        .or_else(told)
        .filter(|name| !name.trim().is_empty())
        .or_else(number)
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Its line is `name:password:uid:...` (passwd(5)).
fn name_of(uid: u32, users: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nbroken\njane:x:1000:1000::/home/jane:/bin/sh";
        assert_eq!(name_of(1000, users).as_deref(), Some("jane"));
        assert_eq!(name_of(0, users).as_deref(), Some("root"));
        assert_eq!(name_of(7, users), None);
    }
}
