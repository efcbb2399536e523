//! A private redis-server.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) struct Redis {
    child: Child,
    port: u16,
    dir: PathBuf,
    extra: Vec<String>,
}

impl Redis {
    pub(crate) async fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[]).await
    }

    pub(crate) async fn start_with(dir: &Path, extra: &[&str]) -> Self {
        let extra: Vec<_> = extra.iter().map(|option| (*option).to_owned()).collect();
        loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut child = spawn(port, dir, &extra);
            // Another test may have taken the port in between.
            if answers(port, &mut child).await {
                return Self { child, port, dir: dir.to_owned(), extra };
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) async fn restart(&mut self) {
        self.signal(Signal::SIGTERM);
        self.child.wait().unwrap();
        self.child = spawn(self.port, &self.dir, &self.extra);
        assert!(answers(self.port, &mut self.child).await, "redis comes back");
    }

    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn spawn(port: u16, dir: &Path, extra: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "everysec", "--dir"])
        .arg(dir)
        .args(extra)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed")
}

async fn answers(port: u16, child: &mut Child) -> bool {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
    while child.try_wait().unwrap().is_none() {
        if let Ok(mut redis) = client.get_multiplexed_async_connection().await
            && redis::cmd("PING").query_async::<String>(&mut redis).await.is_ok()
        {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
