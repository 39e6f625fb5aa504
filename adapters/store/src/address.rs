//! Where a PostgreSQL server is, and how the way to it is sealed. Every connection of the program is opened here.

mod certificates;

use std::{error::Error, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_postgres::{
    Client, Config, Connection, Socket,
    config::{Host, SslMode},
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use self::certificates::{BadCertificates, Check, connector};

/// How long one attempt to cancel may take.
const CANCEL_WITHIN: Duration = Duration::from_secs(3);
/// The pause before it is cancelled again: a statement that had not begun when it was first cancelled goes on.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);

/// An address that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadAddress {
    #[error("it is no URL such as postgres://USER@HOST:PORT/DATABASE")]
    NoUrl,
    #[error("{0}")]
    Url(String),
    #[error("sslmode is {0:?}; allowed is disable, prefer, require, verify-ca or verify-full")]
    Mode(String),
    #[error(
        "sslmode is {0:?}; with sslrootcert=system, whose authorities sign for anybody, only verify-full is allowed"
    )]
    WeakMode(String),
    #[error(transparent)]
    Certificates(#[from] BadCertificates),
}

/// A PostgreSQL server, as a libpq URL names it, with `sslmode` and `sslrootcert`:
///
/// | `sslmode` | the way | the server's certificate |
/// |---|---|---|
/// | `disable` | plain | |
/// | `prefer`, also when nothing is said of either | sealed if the server can | not looked at: somebody in between could as well answer that it cannot |
/// | `require`, `verify-ca`, also when a file alone is named | sealed | signed by an authority of the file `sslrootcert` |
/// | `verify-full`, also with `sslrootcert=system` alone | sealed | and bears the host's name |
///
/// Without a file the authorities are the operating system's. They sign for anybody, so that `require` and `verify-ca` ask for the
/// name then too; who names them by `sslrootcert=system` may ask for no less, as with libpq. libpq's own `require` checks nothing without a file; that is not to be had
/// here: who asks for TLS gets a certificate that was checked. A socket in the file system is never sealed, as with libpq.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: Config,
    tls: MakeRustlsConnect,
}

/// Drives a client's connection.
pub(crate) type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

impl Address {
    /// # Errors
    /// [`BadAddress`], also when the certificates that it names cannot be read.
    pub(crate) fn parse(url: &str) -> Result<Self, BadAddress> {
        let Sealing { rest, mode, roots } = Sealing::take(url).ok_or(BadAddress::NoUrl)?;
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| {
            let reason = error.source().map(|source| format!("{error}: {source}"));
            BadAddress::Url(reason.unwrap_or_else(|| error.to_string()))
        })?;
        let (ssl_mode, check) = match (mode.as_deref(), &roots) {
            (Some(weak @ ("disable" | "prefer" | "require" | "verify-ca")), Roots::System) => {
                return Err(BadAddress::WeakMode(weak.to_owned()));
            }
            (Some("disable"), _) => (SslMode::Disable, Check::Nothing),
            (None, Roots::Unsaid) | (Some("prefer"), _) => (SslMode::Prefer, Check::Nothing),
            // Who names an authority wants it to have signed.
            (None | Some("require" | "verify-ca"), Roots::File(_)) => (SslMode::Require, Check::Authority),
            (None, Roots::System)
            | (Some("require" | "verify-ca"), Roots::Unsaid)
            | (Some("verify-full"), _) => (SslMode::Require, Check::AuthorityAndName),
            (Some(other), _) => return Err(BadAddress::Mode(other.to_owned())),
        };
        let hosts = config.get_hosts();
        let is_socket = !hosts.is_empty() && hosts.iter().all(|host| !matches!(host, Host::Tcp(_)));
        config.ssl_mode(if is_socket { SslMode::Disable } else { ssl_mode });
        Ok(Self { config, tls: connector(check, roots.file())? })
    }

    /// Opens a connection; nothing moves on it unless its driver is polled.
    pub(crate) async fn connect(&self) -> Result<(Client, Driver), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }

    /// Has the server give up whatever it does for a client, and returns when it works for it no more, or the client has lost it.
    pub(crate) async fn quieten(&self, client: &Client) {
        let cancel = client.cancel_token();
        // Answered after everything that was asked before it.
        let answered = client.simple_query("");
        let again = async {
            loop {
                let _later = timeout(CANCEL_WITHIN, cancel.cancel_query(self.tls.clone())).await;
                sleep(CANCEL_AGAIN).await;
            }
        };
        tokio::select! {
            _answer = answered => {}
            () = again => {}
        }
    }
}

/// What a URL says of TLS. tokio-postgres knows neither all of libpq's modes nor files of certificates.
#[derive(Debug, PartialEq, Eq)]
struct Sealing {
    /// The URL without it.
    rest: String,
    mode: Option<String>,
    roots: Roots,
}

/// Whose authorities `sslrootcert` names.
#[derive(Debug, Default, PartialEq, Eq)]
enum Roots {
    #[default]
    Unsaid,
    System,
    File(String),
}

impl Roots {
    fn file(&self) -> Option<&str> {
        match self {
            Self::Unsaid | Self::System => None,
            Self::File(file) => Some(file),
        }
    }
}

impl Sealing {
    fn take(url: &str) -> Option<Self> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return None;
        }
        // A password may hold a `?`; it ends at the first `@`.
        let place = url.find('@').unwrap_or_default();
        let Some((server, query)) = url[place..].split_once('?') else {
            return Some(Self { rest: url.to_owned(), mode: None, roots: Roots::Unsaid });
        };
        let (mut mode, mut roots) = (None, Roots::Unsaid);
        let (mut rest, mut separator) = (format!("{}{server}", &url[..place]), '?');
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match unescaped(name).as_str() {
                "sslmode" => mode = Some(unescaped(value)),
                "sslrootcert" => {
                    roots = match unescaped(value) {
                        none if none.is_empty() => Roots::Unsaid,
                        system if system == "system" => Roots::System,
                        file => Roots::File(file),
                    }
                }
                _ => {
                    rest.push(separator);
                    rest.push_str(pair);
                    separator = '&';
                }
            }
        }
        Some(Self { rest, mode, roots })
    }
}

/// A part of a URL without its `%`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = (first == b'%').then(|| after.split_at_checked(2)).flatten();
        let decoded = digits.and_then(|(digits, after)| {
            Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, after))
        });
        let (byte, after) = decoded.unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealing(rest: &str, mode: Option<&str>, roots: Roots) -> Option<Sealing> {
        Some(Sealing { rest: rest.to_owned(), mode: mode.map(str::to_owned), roots })
    }

    fn mode(url: &str) -> SslMode {
        Address::parse(url).map(|address| address.config.get_ssl_mode()).unwrap()
    }

    fn refusal(url: &str) -> String {
        Address::parse(url).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_a_url_says_of_tls_is_found_wherever_it_stands() {
        let url = "postgres://a@db/x?sslmode=verify-ca&connect_timeout=3&sslrootcert=/a%20b.crt";
        let file = Roots::File("/a b.crt".to_owned());
        let found = sealing("postgres://a@db/x?connect_timeout=3", Some("verify-ca"), file);
        assert_eq!(Sealing::take(url), found);
        let system = "postgres://a@db/x?sslrootcert=system";
        assert_eq!(Sealing::take(system), sealing("postgres://a@db/x", None, Roots::System));
        // Whatever would hide it from here, must not let tokio-postgres see it and be overruled.
        for hidden in [
            "postgres://a:p?w@db/x?sslmode=require",
            "postgres://a@db/x?ssl%6dode=require",
            "postgres://a@db?sslmode=prefer&sslmode=require",
        ] {
            assert_eq!(mode(hidden), SslMode::Require, "{hidden}");
        }
    }

    #[test]
    fn tls_is_asked_for_as_the_mode_says_and_never_on_a_socket() {
        assert_eq!(mode("postgres://a@db/x"), SslMode::Prefer);
        assert_eq!(mode("postgres://a@db/x?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://a@db/x?sslmode=verify-full"), SslMode::Require);
        assert_eq!(mode("postgres:///x?host=/run/postgresql&sslmode=require"), SslMode::Disable);
        assert_eq!(mode("postgres://%2Frun%2Fpostgresql,db/x?sslmode=require"), SslMode::Require);
    }

    /// As it was, both were connected to as if nothing had been said: unsealed, if the server said so.
    #[test]
    fn whoever_names_authorities_is_not_connected_to_a_server_that_none_of_them_has_signed() {
        assert_eq!(mode("postgres://a@db/x?sslrootcert=system"), SslMode::Require);
        assert_eq!(mode("postgres://a@db/x?sslrootcert=system&sslmode=verify-full"), SslMode::Require);
        for weak in ["disable", "prefer", "require", "verify-ca"] {
            let refused = refusal(&format!("postgres://a@db/x?sslmode={weak}&sslrootcert=system"));
            assert!(refused.contains("only verify-full"), "{weak}: {refused}");
        }
        assert!(refusal("postgres://a@db/x?sslrootcert=/none.crt").contains("/none.crt"), "it is read");
        assert_eq!(mode("postgres://a@db/x?sslrootcert="), SslMode::Prefer, "nothing is said");
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        let refused = refusal("postgres://db/x?sslmode=sometimes");
        let allowed =
            "sslmode is \"sometimes\"; allowed is disable, prefer, require, verify-ca or verify-full";
        assert_eq!(refused, allowed);
        // libpq knows it: plain first, sealed if the server insists.
        assert!(refusal("postgres://db/x?sslmode=allow").starts_with("sslmode is"));
        assert!(refusal("postgres://db/x?sslmode=require&sslrootcert=/none.crt").contains("/none.crt"));
        assert!(refusal("postgres://db/x?sslcert=/mine.crt").contains("sslcert"));
        assert!(refusal("host=db sslmode=require").contains("no URL"));
    }
}
