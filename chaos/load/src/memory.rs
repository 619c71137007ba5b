//! This process's memory as a store: what the tool does can be seen without a cluster.

use crate::backend::{Backend, Failure, Found, balance};
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A map behind a lock: every operation is one moment.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    entries: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Memory {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.entries.lock()
    }
}

impl Backend for Memory {
    async fn get(&self, key: Vec<u8>) -> Result<Found, Failure> {
        Ok(self.entries().get(&key).cloned())
    }

    async fn put(&self, key: Vec<u8>, value: Vec<u8>) -> Result<(), Failure> {
        self.entries().insert(key, value);
        Ok(())
    }

    async fn delete(&self, key: Vec<u8>) -> Result<(), Failure> {
        self.entries().remove(&key);
        Ok(())
    }

    async fn scan(&self, from: Vec<u8>, to: Vec<u8>, limit: u32) -> Result<usize, Failure> {
        if from >= to {
            return Ok(0);
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self
            .entries()
            .range((Bound::Included(from), Bound::Excluded(to)))
            .take(limit)
            .count())
    }

    async fn read_together(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Found>, Failure> {
        let entries = self.entries();
        Ok(keys.iter().map(|key| entries.get(key).cloned()).collect())
    }

    async fn fill(&self, keys: Vec<Vec<u8>>, value: Vec<u8>) -> Result<(), Failure> {
        let mut entries = self.entries();
        for key in keys {
            entries.entry(key).or_insert_with(|| value.clone());
        }
        Ok(())
    }

    async fn transfer(&self, from: Vec<u8>, to: Vec<u8>, amount: i64) -> Result<(), Failure> {
        let mut entries = self.entries();
        for (account, change) in [(from, -amount), (to, amount)] {
            let balance = balance(&entries.get(&account).cloned());
            entries.insert(account, (balance + change).to_string().into_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_keeps_what_it_is_given() {
        let memory = Memory::default();
        memory.put(b"a".to_vec(), b"1".to_vec()).await.unwrap();
        memory
            .fill(vec![b"a".to_vec(), b"b".to_vec()], b"5".to_vec())
            .await
            .unwrap();
        assert_eq!(memory.get(b"a".to_vec()).await, Ok(Some(b"1".to_vec())));
        assert_eq!(memory.scan(b"a".to_vec(), b"z".to_vec(), 10).await, Ok(2));
        assert_eq!(memory.scan(b"a".to_vec(), b"z".to_vec(), 1).await, Ok(1));
        memory
            .transfer(b"a".to_vec(), b"b".to_vec(), 3)
            .await
            .unwrap();
        let both = memory
            .read_together(vec![b"a".to_vec(), b"b".to_vec()])
            .await
            .unwrap();
        assert_eq!(both, [Some(b"-2".to_vec()), Some(b"8".to_vec())]);
        memory.delete(b"a".to_vec()).await.unwrap();
        assert_eq!(memory.get(b"a".to_vec()).await, Ok(None));
    }
}
