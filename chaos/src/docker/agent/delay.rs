//! Holds packets back where the kernel has no netem: the kernel queues them, this lets each go at its time.

use super::netlink::{self, Message};
use crate::docker::DockerError;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// As many as a gigabit link brings in a tenth of a second.
const PACKETS_MAX: u32 = 65_535;

/// One answer of the kernel holds some tens of packets.
const ANSWER_BYTES: usize = 64 << 10;

/// While nothing waits.
const IDLE: Duration = Duration::from_millis(100);

/// A queue and how long its packets wait.
pub(super) struct Delay {
    socket: UnixDatagram,
    queue: u16,
    delay: Duration,
    jitter_us: u64,
}

impl Delay {
    /// Takes the netlink socket that is standard input and asks for the queue.
    pub(super) fn open(queue: u16, delay_ms: u64, jitter_ms: u64) -> Result<Self, DockerError> {
        let failed =
            |why: String| DockerError::failed(&format!("get the packets of queue {queue}"), why);
        let stdin = std::io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .map_err(|error| failed(error.to_string()))?;
        // Sending and receiving are the same calls on every socket; nothing of the Unix family is used.
        let delay = Self {
            socket: UnixDatagram::from(stdin),
            queue,
            delay: Duration::from_millis(delay_ms),
            jitter_us: jitter_ms.saturating_mul(1_000),
        };
        for request in [
            netlink::bind(queue),
            netlink::length(queue, PACKETS_MAX),
            netlink::without_payload(queue),
        ] {
            delay.ask(&request).map_err(failed)?;
        }
        Ok(delay)
    }

    fn ask(&self, request: &[u8]) -> Result<(), String> {
        self.socket
            .set_read_timeout(Some(Duration::from_secs(1)))
            .map_err(|error| error.to_string())?;
        self.socket
            .send(request)
            .map_err(|error| error.to_string())?;
        let mut answer = vec![0; ANSWER_BYTES];
        let count = self
            .socket
            .recv(&mut answer)
            .map_err(|error| error.to_string())?;
        match netlink::messages(answer.get(..count).unwrap_or_default()).first() {
            Some(Message::Answer(0)) => Ok(()),
            Some(Message::Answer(code)) => {
                Err(std::io::Error::from_raw_os_error(code.saturating_neg()).to_string())
            }
            _ => Err("the kernel answers with something else".to_owned()),
        }
    }

    /// Until told to stop; what still waits then is let go.
    pub(super) fn hold_packets(self, stop: &AtomicBool) {
        let mut waiting: BTreeMap<(Instant, u32), ()> = BTreeMap::new();
        let mut answer = vec![0; ANSWER_BYTES];
        let mut chance = 88_172_645_463_325_252_u64;
        while !stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            while let Some(entry) = waiting.first_entry().filter(|entry| entry.key().0 <= now) {
                let ((_, packet), ()) = entry.remove_entry();
                self.release(packet);
            }
            let next = waiting
                .first_key_value()
                .map_or(IDLE, |((due, _), ())| due.saturating_duration_since(now));
            // Zero would mean "for ever".
            let wait = next.clamp(Duration::from_micros(500), IDLE);
            if self.socket.set_read_timeout(Some(wait)).is_err() {
                return;
            }
            let count = match self.socket.recv(&mut answer) {
                Ok(count) => count,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) =>
                {
                    0
                }
                // ENOBUFS: more came than fits. The kernel has dropped it, as a full link would.
                Err(_) => 0,
            };
            let came = Instant::now();
            for message in netlink::messages(answer.get(..count).unwrap_or_default()) {
                if let Message::Packet(packet) = message {
                    waiting.insert((came + self.delay + self.more(&mut chance), packet), ());
                }
            }
        }
        waiting
            .into_keys()
            .for_each(|(_, packet)| self.release(packet));
    }

    fn release(&self, packet: u32) {
        // A packet that the kernel has forgotten meanwhile needs no verdict.
        let _ = self.socket.send(&netlink::accept(self.queue, packet));
    }

    /// Jitter by a shift register: noise, not a secret.
    fn more(&self, chance: &mut u64) -> Duration {
        *chance ^= *chance << 13;
        *chance ^= *chance >> 7;
        *chance ^= *chance << 17;
        Duration::from_micros(chance.checked_rem(self.jitter_us).unwrap_or_default())
    }
}
