//! Delays packets where the kernel has no netem: the kernel queues them, and this thread releases each when it is due.

use super::netlink::{self, Message, Socket};
use crate::DockerError;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// As many as a gigabit link brings in a tenth of a second.
const PACKETS_MAX: u32 = 65_535;

/// One message from the kernel holds some tens of packets.
const MESSAGE_BYTES: usize = 64 << 10;

/// How long to wait for packets while none is held.
const IDLE: Duration = Duration::from_millis(100);

/// How long the kernel may take to reply to a request.
const REPLY_TIMEOUT: Duration = Duration::from_secs(1);

/// A packet queue and the delay of its packets.
pub(super) struct Delay {
    socket: Socket,
    queue: u16,
    delay: Duration,
    jitter_us: u64,
}

impl Delay {
    /// Opens the queue in the network namespace of this process.
    pub(super) fn open(queue: u16, delay_ms: u64, jitter_ms: u64) -> Result<Self, DockerError> {
        let failed = |why: String| DockerError::failed(&format!("open packet queue {queue}"), why);
        let delay = Self {
            socket: Socket::open().map_err(|error| failed(error.to_string()))?,
            queue,
            delay: Duration::from_millis(delay_ms),
            jitter_us: jitter_ms.saturating_mul(1_000),
        };
        for request in [
            netlink::bind(queue),
            netlink::length(queue, PACKETS_MAX),
            netlink::without_payload(queue),
        ] {
            delay.request(&request).map_err(failed)?;
        }
        Ok(delay)
    }

    fn request(&self, request: &[u8]) -> Result<(), String> {
        let text = |error: Errno| error.to_string();
        self.socket.send(request).map_err(text)?;
        let mut buffer = vec![0; MESSAGE_BYTES];
        let reply = self.socket.receive(&mut buffer, REPLY_TIMEOUT);
        match netlink::messages(reply.map_err(text)?).first() {
            Some(Message::Reply(0)) => Ok(()),
            Some(Message::Reply(code)) => {
                Err(Errno::from_raw_os_error(code.saturating_neg()).to_string())
            }
            _ => Err("the kernel sent another message than a reply".to_owned()),
        }
    }

    /// Holds packets until `stop`; then releases the rest.
    pub(super) fn hold_packets(self, stop: &AtomicBool) {
        let mut held: BTreeSet<(Instant, u32)> = BTreeSet::new();
        let mut buffer = vec![0; MESSAGE_BYTES];
        let mut chance = 88_172_645_463_325_252_u64;
        while !stop.load(Ordering::Relaxed) {
            self.release_due(&mut held);
            let now = Instant::now();
            let next = held
                .first()
                .map_or(IDLE, |(due, _)| due.saturating_duration_since(now));
            // Zero would mean to wait without a limit.
            let wait = next.clamp(Duration::from_micros(500), IDLE);
            // A timeout brings nothing. ENOBUFS means that the kernel has dropped packets, as a full link would.
            let arrived = self.socket.receive(&mut buffer, wait).unwrap_or_default();
            let now = Instant::now();
            for message in netlink::messages(arrived) {
                if let Message::Packet(packet) = message {
                    held.insert((now + self.delay + self.jitter(&mut chance), packet));
                }
            }
        }
        held.into_iter()
            .for_each(|(_, packet)| self.release(packet));
    }

    fn release_due(&self, held: &mut BTreeSet<(Instant, u32)>) {
        let now = Instant::now();
        while held.first().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, packet)) = held.pop_first() {
                self.release(packet);
            }
        }
    }

    fn release(&self, packet: u32) {
        // A packet that the kernel has dropped in the meantime needs no verdict.
        let _ = self.socket.send(&netlink::accept(self.queue, packet));
    }

    /// Random extra delay from a shift register: noise, not a secret.
    fn jitter(&self, chance: &mut u64) -> Duration {
        *chance ^= *chance << 13;
        *chance ^= *chance >> 7;
        *chance ^= *chance << 17;
        Duration::from_micros(chance.checked_rem(self.jitter_us).unwrap_or_default())
    }
}
