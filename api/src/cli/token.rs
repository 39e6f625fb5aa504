use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Timelike, Utc};
use clap::Args;
use commands::engine::Caller;
use domain::identity::Role;
use serde::Serialize;
use uuid::Uuid;

use super::{Context, Outcome, Place, Printer, Settled};
use crate::auth::{self, Grant, LocalSecret};

/// Mint a bearer token for the embedded profile
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn token --data ./data --tenant demo --role ADMIN
  cairn token --tenant demo --role OPERATOR --actor kovacs.anna --ttl 8h
  curl -H \"Authorization: Bearer $(cairn token --tenant demo --role VIEWER)\" \\
       -H 'Content-Type: application/json' -d '{\"query\":\"{ __typename }\"}' \\
       http://127.0.0.1:8080/graphql

Signed with the secret in the data directory, which is made when it is missing. Whoever can read that file can do \
anything: keep it as you would keep the log.

Roles of a plant: ADMIN, MANAGER, AUDITOR, OPERATOR, VIEWER
of field service: field:OWNER, field:ADMIN, field:MANAGER, field:DISPATCHER, field:TECHNICIAN, field:VIEWER
of a shop:        shop:USER, shop:ADMIN
of an office:     office:ADMIN, office:MEMBER, office:VIEWER
of machines:      machine:RUNNER, machine:FULFILLER, machine:INDEXER, machine:TRANSCRIBER, machine:ORCHESTRATOR
MONITOR reads /metrics.")]
pub struct Token {
    /// Whose data it opens: a tenant's id, or `demo`
    #[arg(long, value_name = "ID", env = "CAIRN_TENANT", hide_env_values = true)]
    tenant: String,
    /// What it may do; may be given several times, also with roles of several sets
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<Role>,
    /// Who acts, as events will say
    #[arg(long, value_name = "NAME", default_value = "local", value_parser = actor)]
    actor: String,
    /// How long it is good for: 30m, 8h, 7d
    #[arg(long, value_name = "TIME", default_value = "12h")]
    ttl: Ttl,
    /// Answer in JSON, with the tenant and the expiry
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// How long a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ttl(Duration);

const LONGEST_TTL_DAYS: u64 = 366;

impl FromStr for Ttl {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let seconds_per_unit = match given.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            Some(_) | None => return Err("a number and a unit are wanted: 90s, 30m, 8h, 7d".to_owned()),
        };
        let number = given[..given.len() - 1].parse::<u64>().ok().filter(|number| *number > 0);
        let seconds = number.and_then(|number| number.checked_mul(seconds_per_unit));
        match seconds {
            Some(seconds) if seconds <= LONGEST_TTL_DAYS * 86_400 => Ok(Self(Duration::from_secs(seconds))),
            Some(_) => Err(format!("at most {LONGEST_TTL_DAYS}d")),
            None => Err("a number and a unit are wanted: 90s, 30m, 8h, 7d".to_owned()),
        }
    }
}

#[derive(Serialize)]
struct Minted {
    token: String,
    tenant: Uuid,
    roles: Vec<&'static str>,
    actor: String,
    expires_at: DateTime<Utc>,
}

impl Token {
    pub async fn run(self) -> Outcome {
        let settled = self.place.settle()?;
        let tenant = settled.tenant(&self.tenant)?;
        let secret = local_secret(&settled)?;
        // A token's times are whole seconds.
        let issued_at = Utc::now().with_nanosecond(0).unwrap_or_else(Utc::now);
        let grant = Grant {
            subject: self.actor.clone(),
            tenant,
            roles: self.roles.clone(),
            lifetime: self.ttl.0,
            issued_at,
        };
        let token = auth::mint(&secret, &grant).or_fail(|| "the token could not be signed")?;
        let printer = Printer;
        if !self.json {
            return printer.line(token);
        }
        printer.json(&Minted {
            token,
            tenant,
            roles: self.roles.iter().map(|role| role.as_str()).collect(),
            actor: self.actor,
            expires_at: issued_at + self.ttl.0,
        })
    }
}

/// The secret that signs local tokens: the configured one, else that of the data directory, which is made when it is missing.
pub fn local_secret(settled: &Settled) -> Outcome<LocalSecret> {
    let settings = &settled.config.settings;
    match &settings.identity.secret {
        Some(secret) => LocalSecret::try_new(secret.as_bytes()).or_fail(|| "identity.secret cannot be used"),
        None => LocalSecret::load_or_create(&settings.data)
            .or_fail(|| format!("there is no secret to sign with in {}", settings.data.display())),
    }
}

fn actor(given: &str) -> Result<String, String> {
    let readable = (1..=255).contains(&given.len()) && given.chars().all(|c| c.is_ascii_graphic());
    if !readable {
        return Err("1 to 255 printable ASCII characters without spaces are wanted".to_owned());
    }
    if Caller::is_reserved(given) {
        return Err(format!("only Cairn itself acts as `{given}`"));
    }
    Ok(given.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_role() {
        let command = <Token as clap::Args>::augment_args(clap::Command::new("token"));
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let named: Vec<&str> = help.split(|c: char| !(c.is_alphanumeric() || c == ':')).collect();
        for role in Role::ALL {
            assert!(named.contains(&role.as_str()), "{} is not in {help}", role.as_str());
        }
    }

    #[test]
    fn a_ttl_is_a_number_and_a_unit() {
        assert_eq!("8h".parse(), Ok(Ttl(Duration::from_secs(8 * 3_600))));
        assert_eq!("7d".parse(), Ok(Ttl(Duration::from_secs(7 * 86_400))));
        for bad in ["", "8", "h", "0h", "-1h", "8 h", "99999d", "1.5h", "18446744073709551615d", "8ö"] {
            assert!(bad.parse::<Ttl>().is_err(), "{bad}");
        }
    }
}
