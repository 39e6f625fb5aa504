use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use crate::shell::Shell;

/// A server on a free port, and where it answers.
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub fn start(shell: &Shell, words: &str) -> Self {
        let mut command = shell.command(&format!("serve --listen 127.0.0.1:0 {words}"));
        let log = std::fs::File::create(shell.path().join("serve.log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines.map_while(Result::ok).find(|line| line.starts_with("Cairn answers on "));
        let told = told.expect("serve tells where it answers");
        let address = told.split(['/', ' ']).find(|word| word.starts_with("127.0.0.1:")).unwrap().to_owned();
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn is_ready(&self) -> bool {
        self.get("/health/ready").starts_with("HTTP/1.1 200")
    }

    pub fn becomes_ready(&self) {
        while !self.is_ready() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// As a service manager or Ctrl-C stops it; its exit code.
    pub fn stop(mut self, signal: &str) -> Option<i32> {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
    }
}

#[test]
fn serve_becomes_ready_and_stops_cleanly_when_asked() {
    let shell = Shell::with_demo();
    let server = Server::start(&shell, "");
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
    assert!(server.get("/graphql?query=%7B__typename%7D").starts_with("HTTP/1.1 401"));
    server.becomes_ready();
    assert_eq!(server.stop("-INT"), Some(0));
    // A second start finds everything where the first one left it.
    let server = Server::start(&shell, "");
    assert_eq!(server.stop("-TERM"), Some(0));
}

#[test]
fn a_taken_address_is_told_with_what_to_do() {
    let shell = Shell::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = shell.cairn(&format!("serve --listen {}", taken.local_addr().unwrap())).fails();
    assert!(error.contains("cannot be used") && error.contains("--listen ADDR"), "{error}");
    assert!(!shell.path().join("data").exists(), "nothing was made");
}

#[test]
fn an_address_that_is_none_is_refused() {
    let error = Shell::new().cairn("serve --listen nowhere").misuses();
    assert!(error.contains("listen is nowhere (from --listen)"), "{error}");
}
