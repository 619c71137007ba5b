use super::*;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An address that no other test uses, so that recorded ports cannot collide.
const BIND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 77, 1));

/// Two servers; the second is dead from the beginning.
const SMALL: &str = r#"{"kind":"log","t":0.0,"source":"pd1","line":"connect to 127.0.0.1:24379"}
{"t":0.0,"unix_ms":1700000000000,"url":"http://127.0.0.1:24379/pd/api/v1/members","status":200,"content_type":"application/json","body":"[\"http://127.0.0.1:24379\"]"}
{"t":0.0,"unix_ms":1700000000000,"url":"http://127.0.0.1:24180/status","error":"Connection refused","body":null}
{"kind":"log","t":0.3,"source":"pd1","line":"later"}
{"t":0.4,"unix_ms":1700000000400,"url":"http://127.0.0.1:24379/pd/api/v1/members","status":200,"content_type":"application/json","same":true}
"#;

fn small(folder: &Path) -> Arc<Capture> {
    let path = folder.join("small.jsonl");
    std::fs::write(&path, SMALL).unwrap();
    Arc::new(Capture::load(&path).unwrap())
}

async fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_recording_is_served_with_its_dates_logs_dead_nodes_and_addresses_moved() {
    let folder = tempfile::tempdir().unwrap();
    let capture = small(folder.path());
    let logs = folder.path().join("logs");
    let options = PlayOptions {
        bind: BIND,
        logs_folder: Some(logs.clone()),
        exit_at_end: true,
        // Slow enough that the requests below fall into the capture; the test does not wait for its end.
        speed: 0.001,
        ..PlayOptions::default()
    };
    let (ready, on_ready) = tokio::sync::oneshot::channel();
    let mut ready = Some(ready);
    let playing = tokio::spawn(async move {
        let report = |report| {
            if let (Report::Ready { targets }, Some(ready)) = (report, ready.take()) {
                let _ = ready.send(targets);
            }
        };
        play(capture, &options, report).await
    });
    let targets = on_ready.await.unwrap();
    assert_eq!(
        targets,
        BTreeMap::from([("pd".to_owned(), "http://127.0.77.1:24379".to_owned())])
    );
    let members = get("127.0.77.1:24379", "/pd/api/v1/members").await.unwrap();
    assert!(
        members.ends_with("[\"http://127.0.77.1:24379\"]"),
        "{members}"
    );
    assert!(
        members.contains("date: Tue, 14 Nov 2023 22:13:20 GMT"),
        "{members}"
    );
    assert!(
        members.contains("content-type: application/json"),
        "{members}"
    );
    let dead = get("127.0.77.1:24180", "/status").await.unwrap_err();
    assert_eq!(dead.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(
        std::fs::read_to_string(logs.join("pd1.log")).unwrap(),
        "connect to 127.0.77.1:24379\n"
    );
    playing.abort();
}

#[tokio::test]
async fn a_playing_ends_with_everything_written_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let capture = small(folder.path());
    let bind = IpAddr::V4(Ipv4Addr::new(127, 0, 77, 2));
    let logs_folder = Some(folder.path().join("logs"));
    let options = PlayOptions {
        bind,
        logs_folder,
        exit_at_end: true,
        speed: 1_000.0,
        ..PlayOptions::default()
    };
    let mut reports = Vec::new();
    play(capture, &options, |report| reports.push(report))
        .await
        .unwrap();
    assert_eq!(reports.last(), Some(&Report::Ended));
    let log = std::fs::read_to_string(folder.path().join("logs/pd1.log")).unwrap();
    assert_eq!(log, "connect to 127.0.77.2:24379\nlater\n");
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let bind = IpAddr::V4(Ipv4Addr::new(127, 0, 77, 3));
    let _taken = tokio::net::TcpListener::bind((bind, 24_379)).await.unwrap();
    let options = PlayOptions {
        bind,
        ..PlayOptions::default()
    };
    let error = play(small(folder.path()), &options, |_| {})
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("port 24379 of 127.0.77.3 is in use"),
        "{error}"
    );
    assert!(error.contains("--bind"), "{error}");
}

#[tokio::test]
async fn a_start_behind_the_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = PlayOptions {
        start_ms: 1_000,
        ..PlayOptions::default()
    };
    let error = play(small(folder.path()), &options, |_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, PlayError::StartAfterEnd { .. }), "{error}");
}

#[test]
fn progress_is_told_once_for_each_interval() {
    let text = r#"{"t":0,"unix_ms":0,"url":"http://h:1/","status":200,"body":""}
{"t":25,"unix_ms":25000,"url":"http://h:1/","status":200,"same":true}"#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), text).unwrap();
    let mut playback = Playback::new(Arc::new(Capture::load(&folder.path().join("x")).unwrap()));
    let mut progress = Progress::new(0);
    let mut reports = Vec::new();
    for now_ms in [0, 9_999, 10_500, 11_000, 20_000, 25_000, 30_000] {
        playback.advance_to(now_ms);
        progress.report(&playback, &mut |report| reports.push(report));
    }
    let ten = Report::Progress { elapsed_ms: 10_500 };
    assert_eq!(
        reports,
        [ten, Report::Progress { elapsed_ms: 20_000 }, Report::Ended]
    );
}
