//! An HTTP client that says exactly what it is told to say.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub token: Option<String>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The code of the first GraphQL error, or of the problem.
    pub fn code(&self) -> String {
        let json = self.json();
        let code = json["errors"][0]["extensions"]["code"].as_str().or(json["code"].as_str());
        code.unwrap_or_default().to_owned()
    }
}

impl Client {
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if let Some(token) = &self.token {
            head.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let has_length =
            headers.iter().any(|(name, _)| ["content-length", "transfer-encoding"].contains(name));
        if !has_length && (!body.is_empty() || method == "POST") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    /// Sends bytes as they are and reads to the end.
    pub async fn raw(&self, bytes: &[u8]) -> Reply {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let bytes = bytes.to_vec();
        // The server may answer and close before it has read everything.
        let sending = tokio::spawn(async move {
            writer.write_all(&bytes).await.ok();
            writer
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.ok();
        drop(sending.await.unwrap());
        parse(&received)
    }

    /// A GraphQL request as most clients send it.
    pub async fn query(&self, query: &str) -> Reply {
        self.post(&serde_json::json!({ "query": query }).to_string()).await
    }

    pub async fn with_variables(&self, query: &str, variables: Value) -> Reply {
        self.post(&serde_json::json!({ "query": query, "variables": variables }).to_string()).await
    }

    pub async fn post(&self, body: &str) -> Reply {
        let headers = [("content-type", "application/json"), ("accept", "application/graphql-response+json")];
        self.send("POST", "/graphql", &headers, body.as_bytes()).await
    }
}

fn parse(received: &[u8]) -> Reply {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else { return Reply { status: 0, headers: Vec::new(), body: received.to_vec() } };
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Reply { status, headers: lines.filter_map(header).collect(), body: received[end + 4..].to_vec() }
}
