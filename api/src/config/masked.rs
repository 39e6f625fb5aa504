//! How an address is shown: without its password. The only place that knows where one may stand.

const STARS: &str = "***";

/// A URL, or what was given in place of one, as it may be shown and logged: every password in it as stars.
pub fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        // No URL; libpq's other form, `host=… password=…`, may have been meant.
        return if names_a_password(text) { STARS.to_owned() } else { text.to_owned() };
    };
    let (place, parameters) = match rest.split_once('?') {
        // A password may hold an `@` and a `?`: where it ends cannot be told then.
        Some((_place, parameters)) if parameters.contains('@') => return format!("{scheme}://{STARS}"),
        Some((place, parameters)) => (place, Some(parameters)),
        None => (rest, None),
    };
    // The last `@` ends a password that holds one itself.
    let place = match place.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _password)) => format!("{name}:{STARS}@{host}"),
            None => place.to_owned(),
        },
        None => place.to_owned(),
    };
    let parameters = parameters.map(|parameters| {
        let shown: Vec<_> = parameters.split('&').map(masked_parameter).collect();
        format!("?{}", shown.join("&"))
    });
    format!("{scheme}://{place}{}", parameters.unwrap_or_default())
}

/// libpq also takes `?password=…` and `?sslpassword=…`, their names percent-encoded if need be.
fn masked_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _value)) if names_a_password(name) || name.contains('%') => format!("{name}={STARS}"),
        Some(_) | None => parameter.to_owned(),
    }
}

fn names_a_password(text: &str) -> bool {
    text.to_ascii_lowercase().contains("password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_masked_wherever_it_stands() {
        for (given, shown) in [
            ("postgres://cairn:s3cret@db:5432/cairn", "postgres://cairn:***@db:5432/cairn"),
            ("postgres://cairn:s3@cret@db/cairn", "postgres://cairn:***@db/cairn"),
            ("postgres://db/cairn?user=x&password=s3cret", "postgres://db/cairn?user=x&password=***"),
            (
                "postgres://db/c?sslpassword=s3&password=cret&x=1",
                "postgres://db/c?sslpassword=***&password=***&x=1",
            ),
            ("postgres://db/c?Password=s3cret", "postgres://db/c?Password=***"),
            ("postgres://db/c?p%61ssword=s3cret", "postgres://db/c?p%61ssword=***"),
            ("postgres://cairn:s3?cret@db/cairn", "postgres://***"),
            ("postgres://db/cairn?password=s3@cret", "postgres://***"),
            ("host=db user=x password=s3cret", "***"),
        ] {
            assert_eq!(masked(given), shown);
        }
    }

    #[test]
    fn what_holds_no_password_is_shown_as_it_is() {
        for text in ["postgres://cairn@db/cairn?sslmode=require", "sqlite:data/cairn.db", "memory:", "./data"]
        {
            assert_eq!(masked(text), text);
        }
    }
}
