//! The private Redis.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use quittance::dev::servers::{Redis, ServerError};

use super::wait_until_gone;
use crate::harness::{private_redis, temp_dir};

/// Sends inline commands and returns what comes back, up to `bytes`.
fn ask(url: &str, commands: &str, bytes: usize) -> std::io::Result<String> {
    let url = url::Url::parse(url).unwrap();
    let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap()))?;
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    write!(stream, "AUTH {}\r\n{commands}", url.password().unwrap())?;
    let mut answer = vec![0; 5 + bytes];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer.split_off(5)).unwrap())
}

#[tokio::test]
async fn keeps_its_data_and_its_address_over_restarts() {
    let mut redis = private_redis().await;
    let (url, pid) = (redis.url(), redis.pid());
    assert_eq!(ask(&url, "SET a 1\r\n", 5).unwrap(), "+OK\r\n");
    redis.restart().await.unwrap();
    assert_eq!(redis.url(), url);
    assert_ne!(redis.pid(), pid);
    assert_eq!(ask(&url, "GET a\r\n", 7).unwrap(), "$1\r\n1\r\n");
    // Written to the file before the answer, and known to the kernel: a killed process loses nothing.
    assert_eq!(ask(&url, "SET a 2\r\n", 5).unwrap(), "+OK\r\n");
    redis.crash_restart().await.unwrap();
    assert_eq!(ask(&url, "GET a\r\n", 7).unwrap(), "$1\r\n2\r\n");
}

#[tokio::test]
async fn a_paused_one_answers_nothing_and_goes_on_when_resumed() {
    let mut redis = private_redis().await;
    redis.pause().unwrap();
    assert!(ask(&redis.url(), "PING\r\n", 7).is_err());
    redis.resume().unwrap();
    assert_eq!(ask(&redis.url(), "PING\r\n", 7).unwrap(), "+PONG\r\n");
}

#[tokio::test]
async fn a_paused_one_can_be_stopped() {
    let mut redis = private_redis().await;
    let pid = redis.pid();
    redis.pause().unwrap();
    redis.stop().await.unwrap();
    wait_until_gone(pid);
}

#[tokio::test]
async fn refuses_strangers() {
    let redis = private_redis().await;
    let mut parsed = url::Url::parse(&redis.url()).unwrap();
    parsed.set_password(Some("guess")).unwrap();
    assert!(!ask(parsed.as_str(), "PING\r\n", 7).unwrap().contains("PONG"));
}

#[tokio::test]
async fn has_its_append_only_file_on_and_never_evicts() {
    let redis = private_redis().await;
    for (setting, expected) in [
        ("appendonly", "$3\r\nyes\r\n"),
        ("appendfsync", "$8\r\neverysec\r\n"),
        ("maxmemory-policy", "$10\r\nnoeviction\r\n"),
        ("save", "$0\r\n\r\n"),
    ] {
        let head = format!("*2\r\n${}\r\n{setting}\r\n", setting.len());
        let command = format!("CONFIG GET {setting}\r\n");
        let answer = ask(&redis.url(), &command, head.len() + expected.len()).unwrap();
        assert_eq!(answer, format!("{head}{expected}"));
    }
}

#[tokio::test]
async fn a_drop_ends_it() {
    let dir = temp_dir();
    let redis = Redis::start(dir.path()).await.unwrap();
    let pid = redis.pid();
    drop(redis);
    wait_until_gone(pid);
}

#[tokio::test]
async fn what_it_cannot_load_is_shown_with_the_end_of_its_log() {
    let dir = temp_dir();
    drop(Redis::start(dir.path()).await.unwrap());
    // Redis 7 keeps a directory of files, Redis 6 one file.
    let files = dir.path().join("appendonlydir");
    let (files, file) = if files.is_dir() {
        (files, "appendonly.aof.manifest")
    } else {
        (dir.path().to_owned(), "appendonly.aof")
    };
    std::fs::write(files.join(file), "nonsense\nand more\n").unwrap();
    let error = Redis::start(dir.path()).await.unwrap_err();
    assert!(matches!(&error, ServerError::Start { .. }), "{error}");
    let text = error.to_string().to_lowercase();
    assert!(text.contains("server.log") && text.contains("aof"), "{text}");
}
