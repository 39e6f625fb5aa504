//! How often somebody may ask: one bucket for each address, one for each user of a tenant.
//!
//! A bucket holds a minute's requests and fills evenly. What is full answers 429 with `Retry-After`; every answer that was
//! counted says how it stands (`RateLimit`, `RateLimit-Policy`). Buckets are this process's own.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use commands::{engine::Caller, ports::TenantId};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};

use super::HttpProblem;

/// Requests a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Of one user of a tenant; none is any number.
    pub user: Option<NonZeroU32>,
    /// From one address, whoever asks; none is any number.
    pub address: Option<NonZeroU32>,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

pub(super) struct Rates {
    users: Option<Buckets<(TenantId, String)>>,
    addresses: Option<Buckets<IpAddr>>,
}

impl Rates {
    pub(super) fn new(limits: RateLimits) -> Self {
        Self {
            users: limits.user.map(|per_minute| Buckets::new("user", per_minute)),
            addresses: limits.address.map(|per_minute| Buckets::new("address", per_minute)),
        }
    }
}

/// Counts by address: also requests without a token, or with a bad one. Health is never refused, lest a proxy that many
/// come through takes the process for dead.
pub(super) async fn by_address(State(rates): State<Arc<Rates>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let peer = peer.filter(|_peer| !request.uri().path().starts_with("/health/"));
    let standing = rates.addresses.as_ref().zip(peer).map(|(buckets, peer)| buckets.take(network(peer.0)));
    answer(standing, request, next).await
}

/// Counts by user, once it is known who asks.
pub(super) async fn by_user(State(rates): State<Arc<Rates>>, request: Request, next: Next) -> Response {
    // Strangers are many: they are counted by their address alone.
    let caller = request.extensions().get::<Caller>().filter(|caller| !caller.is_anonymous());
    let standing = rates.users.as_ref().zip(caller);
    let standing = standing.map(|(buckets, caller)| buckets.take((caller.tenant, caller.actor.to_string())));
    answer(standing, request, next).await
}

async fn answer(standing: Option<Standing>, request: Request, next: Next) -> Response {
    let Some(standing) = standing else { return next.run(request).await };
    let mut response = match standing.refused_for_seconds {
        None => next.run(request).await,
        Some(seconds) => standing.refuse(seconds).into_response(),
    };
    standing.tell(response.headers_mut());
    response
}

/// Who has a whole IPv6 network has as many addresses as requests.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// One bucket for each key.
struct Buckets<K: Hash + Eq + Clone> {
    name: &'static str,
    per_minute: NonZeroU32,
    limiter: RateLimiter<K, HashMapStateStore<K>, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
    taken: AtomicU32,
}

/// After so many requests the buckets that are full again are forgotten.
const FORGET_EVERY: u32 = 4_096;

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(name: &'static str, per_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::hashmap(Quota::per_minute(per_minute))
            .with_middleware::<StateInformationMiddleware>();
        Self { name, per_minute, limiter, clock: DefaultClock::default(), taken: AtomicU32::new(0) }
    }

    fn take(&self, key: K) -> Standing {
        if self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            self.limiter.retain_recent();
        }
        let (left, refused_for_seconds) = match self.limiter.check_key(&key) {
            Ok(snapshot) => (snapshot.remaining_burst_capacity(), None),
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                (0, Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
            }
        };
        Standing { name: self.name, per_minute: self.per_minute, left, refused_for_seconds }
    }
}

/// How a bucket stands after a request.
#[derive(Debug)]
struct Standing {
    name: &'static str,
    per_minute: NonZeroU32,
    left: u32,
    refused_for_seconds: Option<u64>,
}

impl Standing {
    fn refuse(&self, seconds: u64) -> HttpProblem {
        metrics::counter!("cairn_http_rate_limited_total", "by" => self.name).increment(1);
        let detail = format!("more than {} requests a minute by one {}", self.per_minute, self.name);
        HttpProblem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", detail)
            .with_header("retry-after", &seconds.max(1).to_string())
    }

    /// The header fields of the IETF's draft: what is allowed, what is left of it, and when it is whole again.
    fn tell(&self, headers: &mut HeaderMap) {
        let (name, quota, left) = (self.name, u64::from(self.per_minute.get()), u64::from(self.left));
        let whole_in = ((quota - left.min(quota)) * 60).div_ceil(quota);
        let fields = [
            ("ratelimit-policy", format!("\"{name}\";q={quota};w=60")),
            ("ratelimit", format!("\"{name}\";r={left};t={whole_in}")),
        ];
        for (field, value) in fields {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(field, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_refuses_its_own_key_and_no_other() {
        let buckets = Buckets::new("address", NonZeroU32::MIN.saturating_add(2));
        let one = || buckets.take(network("192.0.2.1".parse().unwrap()));
        assert_eq!([one().left, one().left, one().left], [2, 1, 0]);
        assert!(one().refused_for_seconds.is_some_and(|seconds| (1..=20).contains(&seconds)));
        let other = buckets.take(network("192.0.2.2".parse().unwrap()));
        assert_eq!((other.left, other.refused_for_seconds), (2, None));
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8:0:1::7"), address("2001:db8:0:1:ffff::1"));
        assert_ne!(address("2001:db8:0:1::7"), address("2001:db8:0:2::7"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }
}
