use std::net::SocketAddr;

use clap::Args;

use super::{Failure, Outcome, Place};

/// Serve GraphQL over a log, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn serve                                        embedded: everything in ./data
  cairn serve --demo                                 with the demo plant loaded; prints codes to try
  cairn serve --data /var/lib/cairn --listen 0.0.0.0:8080
  cairn serve --store postgres://cairn@db/cairn      several of these may serve one database

It answers on /graphql, /health/live, /health/ready (200 once the read models have caught up) and /metrics.
Logs are JSON on standard error. Ctrl-C, or SIGTERM, answers what was accepted and then stops.")]
pub struct Serve {
    #[command(flatten)]
    place: Place,
    /// Address and port to answer on
    #[arg(long, value_name = "ADDR", env = "CAIRN_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Load the demo plant first; a second time changes nothing
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub async fn run(self) -> Outcome {
        let Self { place, listen, demo } = self;
        let _wanted = (place, listen, demo);
        Err(Failure::new("serve is not built in yet"))
    }
}
