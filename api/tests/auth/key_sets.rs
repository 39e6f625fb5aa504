//! A provider's keys: fetched, kept, taken away, and out of reach.

use super::*;

/// Acceptance case 10 of identity.md, second half.
#[tokio::test(start_paused = true)]
async fn an_unknown_kid_sent_a_hundred_times_in_a_minute_causes_one_fetch() {
    let provider = Provider::new("rsa-1");
    let authenticator = provider.authenticator();
    let good = signed(Algorithm::RS256, "rsa-1", &claims(), &rsa());
    assert!(answer(&authenticator, &good).await.is_ok());
    assert_eq!(provider.fetched.load(Ordering::SeqCst), 1);
    let unknown = signed(Algorithm::RS256, "rsa-2", &claims(), &rsa());
    for _ in 0..100 {
        assert_eq!(answer(&authenticator, &unknown).await.unwrap_err(), Unauthenticated::UnknownKey);
        tokio::time::advance(Duration::from_millis(500)).await;
    }
    assert_eq!(provider.fetched.load(Ordering::SeqCst), 2);
    tokio::time::advance(Duration::from_secs(5 * 60)).await;
    assert!(answer(&authenticator, &unknown).await.is_err());
    assert_eq!(provider.fetched.load(Ordering::SeqCst), 3);

    let cold = Provider::new("rsa-1");
    let authenticator = cold.authenticator();
    for _ in 0..100 {
        assert!(answer(&authenticator, &unknown).await.is_err());
    }
    assert_eq!(cold.fetched.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn known_keys_serve_for_an_hour_while_the_provider_is_out() {
    let provider = Provider::new("rsa-1");
    let authenticator = provider.authenticator();
    // The token's own end lies beyond the test: its clock is the machine's, which does not move here.
    let token = signed(Algorithm::RS256, "rsa-1", &claims(), &rsa());
    assert!(answer(&authenticator, &token).await.is_ok());
    provider.out.store(true, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(59 * 60)).await;
    assert!(answer(&authenticator, &token).await.is_ok());
    tokio::time::advance(Duration::from_secs(2 * 60)).await;
    assert_eq!(answer(&authenticator, &token).await.unwrap_err(), Unauthenticated::ProviderOut);
    provider.out.store(false, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(answer(&authenticator, &token).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_provider_took_away_is_refused_once_it_is_no_longer_fresh() {
    let mut provider = Provider::new("rsa-1");
    let published = Arc::new(std::sync::Mutex::new(provider.key_set.clone()));
    let authenticator =
        Authenticator::new().with_provider(KeySet::new(Published(Arc::clone(&published))), ISSUER, None);
    let token = signed(Algorithm::RS256, "rsa-1", &claims(), &rsa());
    assert!(answer(&authenticator, &token).await.is_ok());
    provider = Provider::new("rsa-2");
    *published.lock().unwrap() = provider.key_set;
    tokio::time::advance(Duration::from_secs(9 * 60)).await;
    assert!(answer(&authenticator, &token).await.is_ok());
    tokio::time::advance(Duration::from_secs(2 * 60)).await;
    assert_eq!(answer(&authenticator, &token).await.unwrap_err(), Unauthenticated::UnknownKey);
}

/// A provider that always answers, with what was last published.
struct Published(Arc<std::sync::Mutex<String>>);

impl KeySource for Published {
    fn fetch(&self) -> Result<String, KeySourceError> {
        Ok(self.0.lock().unwrap().clone())
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_during_an_outage_is_answered_alike_each_time() {
    let provider = Provider::new("rsa-1");
    provider.out.store(true, Ordering::SeqCst);
    let authenticator = provider.authenticator();
    let token = signed(Algorithm::RS256, "rsa-1", &claims(), &rsa());
    for _ in 0..30 {
        assert_eq!(answer(&authenticator, &token).await.unwrap_err(), Unauthenticated::ProviderOut);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

/// A provider that answers once, and hangs from then on.
struct Hanging {
    provider: Provider,
    release: Arc<std::sync::Mutex<std::sync::mpsc::Receiver<()>>>,
}

impl KeySource for Hanging {
    fn fetch(&self) -> Result<String, KeySourceError> {
        let key_set = self.provider.fetch()?;
        if self.provider.fetched.load(Ordering::SeqCst) > 1 {
            let _the_test_is_over = self.release.lock().unwrap().recv();
        }
        Ok(key_set)
    }
}

#[tokio::test(start_paused = true)]
async fn known_keys_serve_after_a_second_at_most_while_the_provider_hangs() {
    let (hold, release) = std::sync::mpsc::channel();
    let provider = Provider::new("rsa-1");
    let hanging = Hanging { provider: provider.clone(), release: Arc::new(release.into()) };
    let authenticator = Authenticator::new().with_provider(KeySet::new(hanging), ISSUER, None);
    let token = signed(Algorithm::RS256, "rsa-1", &claims(), &rsa());
    assert!(answer(&authenticator, &token).await.is_ok());
    tokio::time::advance(Duration::from_secs(11 * 60)).await;
    // The first of them begins a fetch and waits a second for it; the others do not wait for its end, which never comes.
    let a_second_passes = async {
        while provider.fetched.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    };
    let (first, ()) = tokio::join!(answer(&authenticator, &token), a_second_passes);
    assert!(first.is_ok());
    for _ in 0..10 {
        assert!(answer(&authenticator, &token).await.is_ok());
        tokio::task::yield_now().await;
    }
    assert_eq!(provider.fetched.load(Ordering::SeqCst), 2);
    drop(hold);
}

#[tokio::test]
async fn keys_are_fetched_over_http_and_anything_but_a_key_set_is_an_outage() {
    let provider = Provider::new("rsa-1");
    let token = signed(Algorithm::RS256, "rsa-1", &claims(), &rsa());
    let answers = [
        ("200 OK", provider.key_set.clone(), true),
        ("500 Internal Server Error", provider.key_set.clone(), false),
        ("302 Found\r\nlocation: https://evil.example/", String::new(), false),
        ("200 OK", "<html>".to_owned(), false),
        ("200 OK", " ".repeat(1_000_000), false),
    ];
    for (status, body, good) in answers {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _client) = listener.accept().unwrap();
            let _request = stream.read(&mut [0; 4_096]).unwrap();
            let head =
                format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            // The client may have heard enough before everything is said.
            stream.write_all((head + &body).as_bytes()).ok();
        });
        let keys = KeySet::new(UrlKeySource::try_new(url).unwrap());
        let authenticator = Authenticator::new().with_provider(keys, ISSUER, None);
        assert_eq!(answer(&authenticator, &token).await.is_ok(), good, "{status}");
    }
}
