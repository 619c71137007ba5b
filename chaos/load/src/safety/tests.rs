//! The checks on stores that are right, and on stores that are wrong on purpose.

use super::*;
use crate::chance::Skew;
use crate::memory::Memory;
use std::sync::atomic::{AtomicU64, Ordering};

fn keys() -> KeySpace {
    KeySpace::new("/t", Skew::new(10, 0.0, 0, 0.0), 64)
}

/// A memory that breaks one promise.
struct Broken {
    memory: Memory,
    fault: Fault,
    reads: AtomicU64,
    first: Mutex<Option<Vec<u8>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// The second half of a transfer is lost.
    HalfTransfer,
    /// A read returns the value that was there first.
    StaleRead,
    /// An acknowledged write is not kept.
    LostWrite,
    /// No write is ever answered, though it happens.
    NoAnswer,
}

impl Broken {
    fn with(fault: Fault) -> Self {
        Self {
            memory: Memory::default(),
            fault,
            reads: AtomicU64::new(0),
            first: Mutex::default(),
        }
    }
}

impl Backend for Broken {
    async fn get(&self, key: Vec<u8>) -> Result<Found, Failure> {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        if self.fault == Fault::StaleRead && reads > 0 {
            return Ok(lock(&self.first).clone());
        }
        let found = self.memory.get(key).await;
        if let Ok(found) = &found {
            lock(&self.first).clone_from(found);
        }
        found
    }

    async fn put(&self, key: Vec<u8>, value: Vec<u8>) -> Result<(), Failure> {
        match self.fault {
            Fault::LostWrite => Ok(()),
            Fault::NoAnswer => self.memory.put(key, value).await.and(Err(Failure::Timeout)),
            _ => self.memory.put(key, value).await,
        }
    }

    async fn delete(&self, key: Vec<u8>) -> Result<(), Failure> {
        self.memory.delete(key).await
    }

    async fn scan(&self, from: Vec<u8>, to: Vec<u8>, limit: u32) -> Result<usize, Failure> {
        self.memory.scan(from, to, limit).await
    }

    async fn read_together(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Found>, Failure> {
        self.memory.read_together(keys).await
    }

    async fn fill(&self, keys: Vec<Vec<u8>>, value: Vec<u8>) -> Result<(), Failure> {
        self.memory.fill(keys, value).await
    }

    async fn transfer(&self, from: Vec<u8>, to: Vec<u8>, amount: i64) -> Result<(), Failure> {
        match self.fault {
            Fault::HalfTransfer => {
                let left = balance(&self.memory.get(from.clone()).await?) - amount;
                self.memory.put(from, left.to_string().into_bytes()).await
            }
            _ => self.memory.transfer(from, to, amount).await,
        }
    }
}

async fn prepared<B: Backend>(backend: &B) -> Safety {
    Safety::prepare(backend, &keys(), Some(4), 1).await.unwrap()
}

#[tokio::test]
async fn a_right_store_passes_every_check() {
    let memory = Memory::default();
    let keys = keys();
    let safety = prepared(&memory).await;
    for _ in 0..3 {
        memory
            .transfer(safety.account(0).unwrap(), safety.account(1).unwrap(), 7)
            .await
            .unwrap();
        safety.count_up(&memory, &keys, 0).await.unwrap();
        safety.check(&memory, &keys).await;
    }
    let report = safety.into_report();
    assert_eq!(
        (report.bank_sums, report.counter_reads, report.violations),
        (3, 3, Vec::new())
    );
}

#[tokio::test]
async fn half_a_transfer_breaks_the_sum() {
    let broken = Broken::with(Fault::HalfTransfer);
    let keys = keys();
    let safety = prepared(&broken).await;
    broken
        .transfer(safety.account(0).unwrap(), safety.account(1).unwrap(), 7)
        .await
        .unwrap();
    safety.check(&broken, &keys).await;
    assert_eq!(
        safety.into_report().violations,
        ["the sum of 4 accounts is 3993, it must be 4000"]
    );
}

#[tokio::test]
async fn a_read_of_the_past_is_found() {
    let broken = Broken::with(Fault::StaleRead);
    let keys = keys();
    let safety = prepared(&broken).await;
    for _ in 0..2 {
        safety.count_up(&broken, &keys, 0).await.unwrap();
        safety.check(&broken, &keys).await;
    }
    assert_eq!(
        safety.into_report().violations,
        ["counter 0 reads 1 after 2 was acknowledged"]
    );
}

#[tokio::test]
async fn an_acknowledged_write_that_is_lost_is_found() {
    let broken = Broken::with(Fault::LostWrite);
    let keys = keys();
    let safety = prepared(&broken).await;
    safety.count_up(&broken, &keys, 0).await.unwrap();
    safety.check(&broken, &keys).await;
    assert_eq!(
        safety.into_report().violations,
        ["counter 0 reads 0 after 1 was acknowledged"]
    );
}

#[tokio::test]
async fn a_write_without_an_answer_promises_nothing() {
    let broken = Broken::with(Fault::NoAnswer);
    let keys = keys();
    let safety = prepared(&broken).await;
    for _ in 0..3 {
        assert_eq!(
            safety.count_up(&broken, &keys, 0).await,
            Err(Failure::Timeout)
        );
        safety.check(&broken, &keys).await;
    }
    assert_eq!(safety.into_report().violations, Vec::<String>::new());
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_promises_nothing() {
    let memory = Memory::default();
    let keys = keys();
    let safety = prepared(&memory).await;
    safety.count_up(&memory, &keys, 0).await.unwrap();
    // Begun and given up, as when the worker's own deadline ends it. It comes late, after the next one.
    assert_eq!(begun(&safety.counters[0]).acknowledged, 1);
    safety.count_up(&memory, &keys, 0).await.unwrap();
    memory.put(keys.counter(0, 0), b"0".to_vec()).await.unwrap();
    safety.check(&memory, &keys).await;
    assert_eq!(safety.into_report().violations, Vec::<String>::new());
}
