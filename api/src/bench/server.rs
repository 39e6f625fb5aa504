//! A server of its own, as an operator would start it, and somebody who asks it.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::compose::StoreUrl;

/// How long a server may take until it is ready, and until it has stopped.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// `cairn serve` in a process of its own.
pub struct Server {
    child: Child,
    address: SocketAddr,
    started: Instant,
}

impl Server {
    /// Starts it over a store, with its signing secret in `data`, on a free port. Answers once it listens.
    ///
    /// # Errors
    /// When it ends before that.
    pub async fn start(url: &StoreUrl, data: &Path) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", "127.0.0.1:0", "--store", &with_password(url)])
            .arg("--data")
            .arg(data)
            // A key made up will do for a log that is thrown away.
            .env("CAIRN_ENVIRONMENT", "development")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cairn serve cannot be started")?;
        let output = child.stdout.take().context("cairn serve has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address =
            address.with_context(|| format!("cairn serve did not say where it answers: {line:?}"))?;
        Ok(Self { child, address: address.parse()?, started })
    }

    /// Waits until it says that it is ready. Answers how long it has taken since its process began.
    ///
    /// # Errors
    /// When it ends, or is not ready in half an hour.
    pub async fn ready(&self) -> anyhow::Result<Duration> {
        loop {
            let mut client = Client::connect(self.address, None).await?;
            if client.get("/health/ready").await?.0 == 200 {
                return Ok(self.started.elapsed());
            }
            anyhow::ensure!(self.started.elapsed() < PATIENCE, "cairn serve does not become ready");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its memory, in MiB. 0 where the system does not tell.
    pub fn resident_mib(&self) -> f64 {
        let status = self.child.id().and_then(|id| fs::read_to_string(format!("/proc/{id}/status")).ok());
        let resident = status
            .as_deref()
            .unwrap_or_default()
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<f64>().ok());
        resident.unwrap_or_default() / 1_024.0
    }

    /// Stops it as an operator would, and waits until it has gone.
    ///
    /// # Errors
    /// When it does not go.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(id) = self.child.id() {
            Command::new("kill").arg(id.to_string()).status().await.context("kill cannot be run")?;
        }
        tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await??;
        Ok(())
    }
}

/// The store as its own process must be told, which `Display` hides.
fn with_password(url: &StoreUrl) -> String {
    match url {
        StoreUrl::Postgres(url) => url.clone(),
        StoreUrl::Memory | StoreUrl::Sqlite(_) => url.to_string(),
    }
}

/// One kept connection of HTTP/1.1, no more than the benchmarks need: answers with a `content-length`.
pub struct Client {
    connection: BufReader<TcpStream>,
    authorization: String,
}

impl Client {
    /// Connects, with a bearer token if there is one.
    ///
    /// # Errors
    /// When nobody answers there.
    pub async fn connect(address: SocketAddr, token: Option<&str>) -> anyhow::Result<Self> {
        let connection = TcpStream::connect(address).await?;
        connection.set_nodelay(true)?;
        let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n"));
        Ok(Self { connection: BufReader::new(connection), authorization: authorization.unwrap_or_default() })
    }

    /// Asks for a path. Answers status and body.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is not HTTP.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{}\r\n", self.authorization);
        self.exchange(head.as_bytes()).await
    }

    /// Sends JSON to `/graphql`. Answers status and body.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is not HTTP.
    pub async fn graphql(&mut self, body: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             accept: application/graphql-response+json\r\ncontent-length: {}\r\n{}\r\n{body}",
            body.len(),
            self.authorization
        );
        self.exchange(request.as_bytes()).await
    }

    async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
        self.connection.get_mut().write_all(request).await?;
        let mut line = String::new();
        self.connection.read_line(&mut line).await?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("not an answer: {line:?}"))?;
        let mut length = 0;
        loop {
            line.clear();
            self.connection.read_line(&mut line).await?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body).await?;
        Ok((status, body))
    }
}
