use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use crate::shell::Shell;

/// A server on a free port, and where it answers.
pub struct Server {
    child: Child,
    /// Host and port.
    pub address: String,
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

    pub fn get(&self, path: &str) -> String {
        self.get_with(path, "")
    }

    /// With further headers, a line end behind each.
    pub fn get_with(&self, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close", self.address);
        write!(stream, "{head}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn becomes_ready(&self) {
        while !self.get("/health/ready").starts_with("HTTP/1.1 200") {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// As a service manager or Ctrl-C stops it; its exit code.
    pub fn stop(self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.ends()
    }

    /// Its exit code, once it has one.
    pub fn ends(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
    }
}
