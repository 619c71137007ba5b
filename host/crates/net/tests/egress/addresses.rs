//! Origins in every notation: what looks like a harmless name must not lead to this machine, to a neighbour, or to a
//! cloud's credential service.

use crate::support::{Script, Server, Setup, get, ok};
use operator_net::ports::HttpError;
use std::net::{Ipv4Addr, SocketAddr};

/// Places that a plugin would like to reach. None of them is granted in the first test.
const WANTED: [[u8; 4]; 8] = [
    [127, 0, 0, 1],
    [127, 255, 255, 254],
    [0, 0, 0, 0],
    [10, 0, 0, 1],
    [169, 254, 169, 254],
    [169, 254, 170, 2],
    [100, 100, 100, 200],
    [168, 63, 129, 16],
];

/// Hosts and whole origins that stand on their own. `PORT` is that of the server that must not be reached.
const ALONE: [&str; 44] = [
    "http://localhost:PORT",
    "http://LOCALHOST:PORT",
    "http://localhost.:PORT",
    "http://[::1]:PORT",
    "http://[0:0:0:0:0:0:0:1]:PORT",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT",
    "http://[::]:PORT",
    "http://[::1%25lo]:PORT",
    "http://[::1%lo]:PORT",
    "http://[fe80::1%25eth0]:PORT",
    "http://[fe80::1]:PORT",
    "http://[fec0::1]:PORT",
    "http://[febf:ffff::1]:PORT",
    "http://[ff02::1]:PORT",
    "http://[fd00:ec2::254]:PORT",
    "http://[fd00:ec2::23]:PORT",
    "http://[fd20:ce::254]:PORT",
    "http://224.0.0.1:PORT",
    "http://239.255.255.250:PORT",
    "http://255.255.255.255:PORT",
    "http://240.0.0.1:PORT",
    "http://0:PORT",
    "http://0.0.0.0.:PORT",
    "http://00000000000:PORT",
    "http://0x:PORT",
    "http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/path",
    "http://127.0.0.1:PORT?x=1",
    "http://127.0.0.1:PORT#x",
    "http://user@127.0.0.1:PORT",
    "http://user:password@127.0.0.1:PORT",
    "http://10.9.9.9@127.0.0.1:PORT",
    "http://10.9.9.9:9@127.0.0.1:PORT",
    "http://10.9.9.9#@127.0.0.1:PORT",
    "http://10.9.9.9%00.127.0.0.1:PORT",
    "http://10.9.9.9\\@127.0.0.1:PORT",
    "http:\\\\127.0.0.1:PORT",
    "http:////127.0.0.1:PORT",
    "http://\t127.0.0.1:PORT",
    "http://127.0\n.0.1:PORT",
    " http://127.0.0.1:PORT",
    "ftp://127.0.0.1:PORT",
    "gopher://127.0.0.1:PORT",
    "file://127.0.0.1/etc/passwd",
];

/// The ways to write one IPv4 address that some parser understands.
fn notations(address: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = address;
    let number = u32::from_be_bytes(address);
    let low = number & 0x00ff_ffff;
    let (high_pair, low_pair) = ((number >> 16) as u16, (number & 0xffff) as u16);
    let dotted = Ipv4Addr::from(address).to_string();
    let wide = |zero: u32| {
        dotted
            .chars()
            .map(|c| {
                c.to_digit(10)
                    .map_or('.', |digit| char::from_u32(zero + digit).unwrap())
            })
            .collect::<String>()
    };
    let escaped: String = dotted.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let mut hosts = vec![
        dotted.clone(),
        format!("{dotted}."),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.000{b:o}.000{c:o}.000{d:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0X{a:X}.0X{b:X}.0X{c:X}.0X{d:X}"),
        format!("{a:#x}.{b}.0{c:o}.{d}"),
        format!("{number}"),
        format!("{number:#x}"),
        format!("0{number:o}"),
        format!("{a}.{low}"),
        format!("{a}.{b}.{low_pair}"),
        format!("{a:#x}.{low:#x}"),
        wide(0xff10),
        escaped,
        dotted.replace('.', "\u{3002}"),
        dotted.replace('.', "\u{ff0e}"),
        format!("\u{ad}{dotted}"),
    ];
    hosts.extend(
        [
            format!("::ffff:{dotted}"),
            format!("::ffff:{high_pair:x}:{low_pair:x}"),
            format!("0:0:0:0:0:FFFF:{high_pair:X}:{low_pair:X}"),
            format!("::ffff:0:{dotted}"),
            format!("::{high_pair:x}:{low_pair:x}"),
            format!("64:ff9b::{dotted}"),
            format!("64:ff9b:1::{high_pair:x}:{low_pair:x}"),
            format!("2002:{high_pair:x}:{low_pair:x}::1"),
            format!("2001:0:1:2:3:4:{:x}:{:x}", !high_pair, !low_pair),
            format!("2001:db8::5efe:{high_pair:x}:{low_pair:x}"),
        ]
        .map(|host| format!("[{host}]")),
    );
    hosts
}

fn origins(port: u16) -> Vec<String> {
    let written = WANTED
        .iter()
        .flat_map(|address| notations(*address))
        .map(|host| format!("http://{host}:{port}"));
    let alone = ALONE
        .iter()
        .map(|origin| origin.replace("PORT", &port.to_string()));
    let mut all: Vec<String> = written.chain(alone).collect();
    all.sort();
    all.dedup();
    all
}

/// Once where nothing of it is granted, and once where loopback is.
pub(crate) fn labels() -> Vec<String> {
    origins(20_180)
        .into_iter()
        .flat_map(|origin| ["elsewhere", "loopback"].map(|policy| format!("{policy} {origin}")))
        .collect()
}

/// Servers on one port of every address of this machine that a vector could reach.
async fn everywhere() -> Vec<Server> {
    let first = Server::on("127.0.0.1", ok()).await;
    let port = first.address.port();
    let mut servers = vec![first];
    for ip in ["127.255.255.254", "::1"] {
        servers.extend(Server::at(SocketAddr::new(ip.parse().unwrap(), port), ok()).await);
    }
    servers
}

#[tokio::test]
async fn no_notation_leads_out_of_the_granted_networks() {
    let servers = everywhere().await;
    let port = servers[0].address.port();
    // 192.0.2.0/24 is for documentation: nobody is there.
    let egress = Setup::granting("http://192.0.2.1:2379")
        .discovering(&["192.0.2.0/24"])
        .egress();
    for origin in origins(port) {
        // A name is refused when it is connected to, everything else at once.
        let refused = match egress.discover("x", &origin) {
            Ok(()) => egress.send(get("x", "/")).await.unwrap_err(),
            Err(error) => error,
        };
        // Whether a name such as `localhost.` has an address at all is a matter of the machine.
        assert!(
            matches!(refused, HttpError::Denied(_) | HttpError::Dns(_)),
            "{origin}: {refused:?}"
        );
        let connections: usize = servers.iter().map(Server::connections).sum();
        assert_eq!(connections, 0, "{origin}");
    }
}

#[tokio::test]
async fn where_loopback_is_granted_only_loopback_is_reached() {
    let servers = everywhere().await;
    let port = servers[0].address.port();
    let egress = Setup::granting("http://127.0.0.1:1").egress();
    let (mut reached, mut refused) = (0, 0);
    for origin in origins(port) {
        let before: usize = servers.iter().map(Server::connections).sum();
        let result = match egress.discover("x", &origin) {
            Ok(()) => egress.send(get("x", "/")).await,
            Err(error) => Err(error),
        };
        let connected = servers.iter().map(Server::connections).sum::<usize>() - before;
        match result {
            Ok(_) => reached += 1,
            Err(HttpError::Denied(_)) => {
                assert_eq!(connected, 0, "{origin}");
                refused += 1;
            }
            // An IPv6 address that only stands for loopback is permitted, and nobody is there.
            Err(
                HttpError::Connect(_) | HttpError::Refused | HttpError::Timeout | HttpError::Dns(_),
            ) => {
                assert!(
                    origin.contains('[') || origin.contains("localhost"),
                    "{origin}"
                );
                assert_eq!(connected, 0, "{origin}");
            }
            Err(other) => panic!("{origin}: {other:?}"),
        }
    }
    // So the vectors work: a client without a policy would have connected to all of these.
    assert!(reached >= 25, "{reached}");
    assert!(refused >= 180, "{refused}");
}

#[tokio::test]
async fn a_granted_literal_is_checked_too() {
    for address in [
        "169.254.169.254",
        "[fe80::1]",
        "0.0.0.0",
        "[::ffff:169.254.169.254]",
        "100.100.100.200",
    ] {
        let egress = Setup::granting(&format!("http://{address}:80")).egress();
        let error = egress.send(get("it", "/")).await.unwrap_err();
        assert!(
            matches!(&error, HttpError::Denied(why) if why.contains("always refused")),
            "{address}: {error:?}"
        );
    }
    let server = Server::on("127.0.0.1", Script::Slam).await;
    let networks = ["10.0.0.0/8".parse().unwrap()].to_vec();
    let egress = Setup::granting(&server.origin())
        .with_grant(|grant| grant.networks = networks)
        .egress();
    assert!(matches!(
        egress.send(get("it", "/")).await,
        Err(HttpError::Denied(_))
    ));
    assert_eq!(server.connections(), 0);
}
