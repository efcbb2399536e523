//! Random values for a server: its port and its password.

use std::net::{Ipv4Addr, TcpListener};

use rand::Rng;

/// Below the range that operating systems hand out to outgoing connections (Linux: from 32768). From
/// within it, a client could be given the port of a server that is just being restarted.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// A loopback port that was free a moment ago. It can be taken before the server binds it, so the
/// caller tries again with another one.
pub(in crate::dev) fn free_port() -> u16 {
    let mut rng = rand::rng();
    let mut port = rng.random_range(PORTS);
    for _ in 0..1_000 {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            break;
        }
        port = rng.random_range(PORTS);
    }
    port
}

/// A password for a server that only we use: 128 random bits, in hex.
pub(super) fn password() -> String {
    format!("{:032x}", rand::random::<u128>())
}
