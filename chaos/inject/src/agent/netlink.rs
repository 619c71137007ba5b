//! The kernel's protocol for packets that wait for a program's verdict (`linux/netfilter/nfnetlink_queue.h`).
//! Numbers are in host byte order in headers, and in network byte order in attributes.

use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// A socket to the kernel's packet queues. It belongs to the network namespace of the process that opens it.
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// Opens a socket.
    pub(super) fn open() -> Result<Self, Errno> {
        let protocol = Some(net::netlink::NETFILTER);
        net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )
        .map(Self)
    }

    /// Sends one message to the kernel.
    pub(super) fn send(&self, message: &[u8]) -> Result<(), Errno> {
        net::send(&self.0, message, SendFlags::empty()).map(drop)
    }

    /// Receives into `buffer`, and waits at most `wait`, which must not be zero; returns the bytes that arrived.
    pub(super) fn receive<'b>(
        &self,
        buffer: &'b mut [u8],
        wait: Duration,
    ) -> Result<&'b [u8], Errno> {
        sockopt::set_socket_timeout(&self.0, Timeout::Recv, Some(wait))?;
        let (_, arrived) = net::recv(&self.0, &mut *buffer, RecvFlags::empty())?;
        Ok(buffer.get(..arrived).unwrap_or_default())
    }
}

/// `NFNL_SUBSYS_QUEUE << 8`.
const QUEUE: u16 = 3 << 8;
const PACKET: u16 = QUEUE;
const VERDICT: u16 = QUEUE | 1;
const CONFIG: u16 = QUEUE | 2;

/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLM_F_ACK`.
const ACKNOWLEDGE: u16 = 4;

const CONFIG_COMMAND: u16 = 1;
const CONFIG_PARAMETERS: u16 = 2;
const CONFIG_LENGTH_MAX: u16 = 3;
const PACKET_HEADER: u16 = 1;
const VERDICT_HEADER: u16 = 2;

/// `NFQNL_CFG_CMD_BIND`.
const BIND: u8 = 1;
/// `NFQNL_COPY_META`: the packet stays in the kernel; only its number is needed.
const COPY_NOTHING: u8 = 1;
/// `NF_ACCEPT`.
const ACCEPT: u32 = 1;

/// Bytes of the two headers.
const HEADERS_BYTES: usize = 20;

/// A message from the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The packet of this number waits.
    Packet(u32),
    /// The reply to a request: 0, or a negative error number.
    Reply(i32),
}

/// Requests the packets of a queue.
pub(super) fn bind(queue: u16) -> Vec<u8> {
    message(
        CONFIG,
        REQUEST | ACKNOWLEDGE,
        queue,
        CONFIG_COMMAND,
        &[BIND, 0, 0, 0],
    )
}

/// Requests the numbers of packets only, without their payload.
pub(super) fn without_payload(queue: u16) -> Vec<u8> {
    message(
        CONFIG,
        REQUEST | ACKNOWLEDGE,
        queue,
        CONFIG_PARAMETERS,
        &[0, 0, 0, 0, COPY_NOTHING],
    )
}

/// Sets how many packets may wait.
pub(super) fn length(queue: u16, packets_max: u32) -> Vec<u8> {
    message(
        CONFIG,
        REQUEST | ACKNOWLEDGE,
        queue,
        CONFIG_LENGTH_MAX,
        &packets_max.to_be_bytes(),
    )
}

/// Accepts a packet.
pub(super) fn accept(queue: u16, packet: u32) -> Vec<u8> {
    let [a, b, c, d] = ACCEPT.to_be_bytes();
    let [e, f, g, h] = packet.to_be_bytes();
    message(
        VERDICT,
        REQUEST,
        queue,
        VERDICT_HEADER,
        &[a, b, c, d, e, f, g, h],
    )
}

/// A message with one attribute.
fn message(kind: u16, flags: u16, queue: u16, attribute: u16, value: &[u8]) -> Vec<u8> {
    let attribute_bytes = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    let mut bytes = vec![0; 4];
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    // Sequence and port stay 0: there is one conversation on this socket, and the kernel knows its peer.
    bytes.extend([0; 8]);
    // Family: any. Version 0. Then the queue.
    bytes.extend([0, 0]);
    bytes.extend(queue.to_be_bytes());
    bytes.extend(attribute_bytes.to_ne_bytes());
    bytes.extend(attribute.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_ne_bytes();
    bytes
        .iter_mut()
        .zip(length)
        .for_each(|(to, from)| *to = from);
    bytes
}

/// The complete messages of known types in received bytes.
pub(super) fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some(length) = four(bytes, 0)
        .map(u32::from_ne_bytes)
        .and_then(|length| usize::try_from(length).ok())
    {
        let Some(one) = bytes.get(..length).filter(|one| one.len() >= 16) else {
            break;
        };
        messages.extend(parse(one));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

fn parse(message: &[u8]) -> Option<Message> {
    match u16::from_ne_bytes([*message.get(4)?, *message.get(5)?]) {
        ERROR => Some(Message::Reply(i32::from_ne_bytes(four(message, 16)?))),
        PACKET => packet_number(message.get(HEADERS_BYTES..)?).map(Message::Packet),
        _ => None,
    }
}

fn packet_number(mut attributes: &[u8]) -> Option<u32> {
    loop {
        let length = usize::from(u16::from_ne_bytes([
            *attributes.first()?,
            *attributes.get(1)?,
        ]));
        // The two upper bits are flags.
        let kind = u16::from_ne_bytes([*attributes.get(2)?, *attributes.get(3)?]) & 0x3fff;
        if kind == PACKET_HEADER {
            return four(attributes, 4).map(u32::from_be_bytes);
        }
        attributes = attributes.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn four(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_names_its_queue_and_its_packet() {
        let bytes = accept(0x1a2b, 7);
        assert_eq!(bytes.len(), 32);
        assert_eq!(four(&bytes, 0).map(u32::from_ne_bytes), Some(32));
        assert_eq!(bytes[18..20], [0x1a, 0x2b]);
        assert_eq!(bytes[24..], [0, 0, 0, 1, 0, 0, 0, 7]);
    }

    #[test]
    fn packets_and_replies_are_read_and_truncated_messages_are_not() {
        let mut bytes = message(PACKET, 0, 5, PACKET_HEADER, &[0, 0, 0, 9, 8, 0, 4]);
        bytes.extend(message(PACKET, 0, 5, 4, &[1; 8]));
        let mut answer = message(CONFIG, 0, 0, 0, &[]);
        answer[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        answer[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        bytes.extend(&answer);
        assert_eq!(messages(&bytes), [Message::Packet(9), Message::Reply(-1)]);
        assert!(messages(&bytes[..20]).is_empty());
        assert!(messages(&[255; 64]).is_empty());
    }
}
