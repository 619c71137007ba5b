//! Credentials in what a server sends back: no plugin may see one, whole or in part, in whatever encoding.

use crate::support::{Script, Server, Setup, answer, get, grant};
use operator_net::egress::{DiscoveryRule, Egress};
use operator_net::ports::http::OriginSettings;
use std::collections::BTreeMap;

const TOKEN: &str = "tok+n/7Q~\"x\\2e&9%";

/// Parts of this many bytes would help to guess the rest.
const PART_BYTES: usize = 6;

/// The token as a server may echo it.
fn echoes() -> Vec<(&'static str, String)> {
    let percent = |upper: bool| -> String {
        let escape = |byte: u8| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else if upper {
                format!("%{byte:02X}")
            } else {
                format!("%{byte:02x}")
            }
        };
        TOKEN.bytes().map(escape).collect()
    };
    let base64 = operator_net::ports::secret::base64(TOKEN.as_bytes());
    vec![
        ("plain", TOKEN.to_owned()),
        ("with its scheme", format!("Bearer {TOKEN}")),
        ("as JSON", serde_json::to_string(TOKEN).unwrap()),
        ("percent-encoded", percent(true)),
        ("percent-encoded in lower case", percent(false)),
        (
            "in hexadecimal",
            TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ),
        (
            "in upper hexadecimal",
            TOKEN.bytes().map(|byte| format!("{byte:02X}")).collect(),
        ),
        ("in base64", base64.clone()),
        (
            "in base64 for URLs",
            base64
                .trim_end_matches('=')
                .replace('+', "-")
                .replace('/', "_"),
        ),
        ("twice", format!("{TOKEN}{TOKEN}")),
        (
            "inside of itself",
            format!("{}{TOKEN}{}", &TOKEN[..5], &TOKEN[5..]),
        ),
    ]
}

/// Where it stands in the answer.
const PLACES: [&str; 4] = ["body", "header", "location", "chunks"];

pub(crate) fn labels() -> Vec<String> {
    let echoed = echoes()
        .into_iter()
        .flat_map(|(form, _)| PLACES.map(|place| format!("{form} in {place}")));
    let cut = (1..=TOKEN.len()).map(|length| format!("cut after {length} bytes"));
    let rest = [
        "in an encoded body",
        "of a discovered target",
        "a password of its own",
        "a header of its own",
    ];
    echoed.chain(cut).chain(rest.map(str::to_owned)).collect()
}

fn scene(server: &Server) -> Egress {
    let mut setup = Setup::granting(&server.origin()).with_grant(|grant| {
        grant.credentials = Some("it".to_owned());
        grant.headers_shown = vec!["*".to_owned()];
    });
    setup.credentials = BTreeMap::from([(
        "it".to_owned(),
        OriginSettings::default().with_bearer(TOKEN),
    )]);
    setup.egress()
}

fn script(place: &str, echo: &str) -> Script {
    match place {
        "body" => answer("200 OK", "", &format!("<{echo}>")),
        "header" => answer("200 OK", &format!("X-Echo: {echo}\r\n"), ""),
        "location" => answer("302 Found", &format!("Location: /login?was={echo}\r\n"), ""),
        _ => {
            let chunks: String = echo.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
            Script::Answer(
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
                    .into_bytes(),
            )
        }
    }
}

/// Everything that a plugin sees of a request.
async fn seen(egress: &Egress, target: &str) -> String {
    match egress.send(get(target, "/")).await {
        Ok(response) => format!(
            "{:?} {}",
            response.headers,
            String::from_utf8_lossy(&response.body)
        ),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn an_echoed_credential_is_not_passed_on_in_any_form_and_place() {
    let server = Server::on("127.0.0.1", Script::Slam).await;
    let egress = scene(&server);
    for (form, echo) in echoes() {
        for place in PLACES {
            server.play(script(place, &echo));
            let seen = seen(&egress, "it").await;
            assert!(!seen.contains(&echo), "{form} in {place}: {seen}");
            assert!(seen.contains("***"), "{form} in {place}: {seen}");
            assert!(server.heads()[0].contains(TOKEN), "the server got it");
        }
    }
}

#[tokio::test]
async fn a_cut_body_does_not_end_in_the_beginning_of_a_credential() {
    let server = Server::on("127.0.0.1", Script::Slam).await;
    for length in 1..=TOKEN.len() {
        let egress = scene(&server);
        // The body limit of the tests is 4,096 bytes.
        let filler = ".".repeat(4_096 - length);
        server.play(answer("200 OK", "", &format!("{filler}{TOKEN} and more")));
        let seen = seen(&egress, "it").await;
        let parts = TOKEN
            .as_bytes()
            .windows(PART_BYTES.min(length))
            .map(|part| String::from_utf8_lossy(part).into_owned());
        let leaked = parts.filter(|part| seen.ends_with(part.as_str())).count();
        assert_eq!(
            leaked,
            0,
            "after {length} bytes: {}",
            &seen[seen.len() - 40..]
        );
    }
}

#[tokio::test]
async fn an_encoded_body_in_which_nothing_can_be_found_is_refused() {
    let server = Server::on(
        "127.0.0.1",
        answer("200 OK", "Content-Encoding: gzip\r\n", TOKEN),
    )
    .await;
    let seen = seen(&scene(&server), "it").await;
    assert!(
        seen.contains("which was not requested") && !seen.contains(TOKEN),
        "{seen}"
    );
}

#[tokio::test]
async fn passwords_and_secret_headers_of_discovered_targets_are_sent_and_scrubbed_too() {
    let server = Server::on(
        "127.0.0.1",
        answer(
            "200 OK",
            "",
            "admin:s3cret/w YWRtaW46czNjcmV0L3c= k3y-value s3cret/w",
        ),
    )
    .await;
    let mut setup = Setup::granting("http://127.0.0.1:1");
    let mut granted = grant();
    granted.credentials = Some("rule".to_owned());
    setup.rules = vec![DiscoveryRule {
        name: "rule".to_owned(),
        targets: "*".to_owned(),
        ports: None,
        grant: granted,
    }];
    let settings = OriginSettings::default()
        .with_basic("admin:s3cret/w")
        .with_header("x-api-key", "k3y-value");
    setup.credentials = BTreeMap::from([("rule".to_owned(), settings)]);
    let egress = setup.egress();
    egress.discover("found", &server.origin()).unwrap();
    let seen = seen(&egress, "found").await;
    for secret in ["s3cret", "YWRtaW46czNjcmV0L3c", "k3y"] {
        assert!(!seen.contains(secret), "{seen}");
    }
    let head = server.heads().remove(0).to_lowercase();
    assert!(
        head.contains("authorization: basic ywrtaw46cznjcmv0l3c=")
            && head.contains("x-api-key: k3y-value"),
        "{head}"
    );
}
