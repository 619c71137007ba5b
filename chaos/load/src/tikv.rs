//! A TiKV cluster. Every call has a deadline of its own: the client retries by itself, and after the loss of PD for long.

use crate::backend::{Backend, Failure, Found, balance};
use crate::options::{Mode, Options};
use errors::{error_text, failure, is_unknown_transaction};
use futures_util::future::select_ok;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;
use tikv_client::transaction::ResolveLocksOptions;
use tikv_client::{
    Backoff, CheckLevel, Config, Error, RawClient, RetryOptions, Transaction, TransactionClient,
    TransactionOptions,
};
use tokio::time::Instant;

mod errors;

/// A lock without a transaction is abandoned, and not just being prepared, when it is older than this: the client gives its
/// locks three seconds or a little more. To roll back one that is only slow is safe: it then ends with a conflict.
const LEFT_BEHIND_MS: i64 = 4_000;

/// The two interfaces, and how long to wait for either.
pub(crate) struct Tikv {
    client: Client,
    timeout: Duration,
}

enum Client {
    Raw(RawClient),
    Transactional(TransactionClient),
}

impl Tikv {
    /// Connects to the cluster.
    ///
    /// The client asks every PD of the list and waits for each without end, so one that is silent hides all others: when half
    /// of the time is over, each is asked alone, and the first that answers is enough.
    pub(crate) async fn connect(options: &Options) -> Result<Self, String> {
        // The client refuses an address that is given twice.
        let endpoints =
            BTreeSet::from_iter(options.pd.iter().map(|endpoint| endpoint.trim().to_owned()));
        let endpoints: Vec<String> = endpoints.into_iter().collect();
        let half = options.connect_timeout / 2;
        let connected = match tokio::time::timeout(half, client(options, endpoints.clone())).await {
            Ok(connected) => Ok(connected.map(|client| (client, Vec::new()))),
            Err(_) => {
                let each = endpoints
                    .iter()
                    .map(|endpoint| Box::pin(client(options, vec![endpoint.clone()])));
                tokio::time::timeout(half, select_ok(each)).await
            }
        };
        let place = options.pd.join(", ");
        match connected {
            Ok(Ok((client, _slower))) => Ok(Self {
                client,
                timeout: options.timeout,
            }),
            Ok(Err(error)) => Err(format!("no PD responds at {place}: {}", error_text(&error))),
            Err(_) => Err(format!(
                "no PD responds at {place}: no response within {:.0} s",
                options.connect_timeout.as_secs_f64()
            )),
        }
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(result) => result.map_err(|error| failure(&error)),
            Err(_) => Err(Failure::Timeout),
        }
    }

    fn transactional(&self) -> Result<&TransactionClient, Failure> {
        match &self.client {
            Client::Transactional(client) => Ok(client),
            Client::Raw(_) => Err(Failure::Other(
                "this needs the transactional mode".to_owned(),
            )),
        }
    }

    /// A transaction, begun again when it meets a lock whose transaction the cluster does not know: one that is just being
    /// prepared, or one that ended in the middle of that. Client 0.4 gives up on both, and forever on the second
    /// (tikv/client-rust#543): no lock like that would ever go away.
    async fn transact<T, W>(
        &self,
        client: &TransactionClient,
        keys: (&[u8], &[u8]),
        work: impl Fn() -> W,
    ) -> Result<T, Failure>
    where
        W: Future<Output = Result<T, Error>>,
    {
        self.within(async {
            let mut pauses = for_locks();
            loop {
                let result = work().await;
                let again = result.as_ref().is_err_and(is_unknown_transaction);
                let Some(pause) = again.then(|| pauses.next_delay_duration()).flatten() else {
                    return result;
                };
                // Whether that helped, the next attempt finds out.
                let _ = clear(client, keys).await;
                tokio::time::sleep_until(Instant::now() + pause).await;
            }
        })
        .await
    }
}

async fn client(options: &Options, endpoints: Vec<String>) -> Result<Client, Error> {
    let config = Config::default().with_timeout(options.timeout);
    match options.mode {
        Mode::Raw => RawClient::new_with_config(endpoints, config)
            .await
            .map(Client::Raw),
        Mode::Txn => TransactionClient::new_with_config(endpoints, config)
            .await
            .map(Client::Transactional),
    }
}

/// How long to wait for the locks of others. The deadline of the operation comes first; the client's own patience ends
/// before a lock of a client that died does, and a read that met one would have failed.
fn for_locks() -> Backoff {
    Backoff::equal_jitter_backoff(2, 500, 50)
}

async fn begin(client: &TransactionClient) -> Result<Transaction, Error> {
    let retry = RetryOptions {
        lock_backoff: for_locks(),
        ..RetryOptions::default_optimistic()
    };
    // A transaction that is dropped in the middle because its time is over must not end the process.
    let options = TransactionOptions::new_optimistic()
        .drop_check(CheckLevel::None)
        .retry_options(retry);
    client.begin_with_options(options).await
}

/// Commits. After a conflict it takes back what was prepared, which the client leaves to others: they would wait for these
/// locks for seconds. After any other failure the commit may have happened, and nothing must be taken back.
async fn commit(transaction: &mut Transaction) -> Result<(), Error> {
    let committed = transaction.commit().await;
    if committed
        .as_ref()
        .is_err_and(|error| failure(error) == Failure::Conflict)
    {
        let _ = transaction.rollback().await;
    }
    committed.map(drop)
}

/// The values that there are, read in one request for each region.
async fn together(
    transaction: &mut Transaction,
    keys: &[Vec<u8>],
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Error> {
    let pairs = transaction.batch_get(keys.to_vec()).await?;
    Ok(pairs.map(|pair| (pair.0.into(), pair.1)).collect())
}

/// The first and the last of some keys.
fn span(keys: &[Vec<u8>]) -> (&[u8], &[u8]) {
    let first = keys.iter().min();
    let last = keys.iter().max();
    (
        first.map_or(&[], Vec::as_slice),
        last.map_or(&[], Vec::as_slice),
    )
}

/// Rolls back locks on these keys that an unknown transaction left behind.
async fn clear(client: &TransactionClient, (first, last): (&[u8], &[u8])) -> Result<(), Error> {
    let mut before = client.current_timestamp().await?;
    before.physical -= LEFT_BEHIND_MS;
    let range = first.to_vec()..=last.to_vec();
    client
        .cleanup_locks(range, &before, ResolveLocksOptions::default())
        .await
        .map(drop)
}

impl Backend for Tikv {
    async fn get(&self, key: Vec<u8>) -> Result<Found, Failure> {
        match &self.client {
            Client::Raw(client) => self.within(client.get(key)).await,
            Client::Transactional(client) => {
                let work = || async { begin(client).await?.get(key.clone()).await };
                self.transact(client, (&key, &key), work).await
            }
        }
    }

    async fn put(&self, key: Vec<u8>, value: Vec<u8>) -> Result<(), Failure> {
        match &self.client {
            Client::Raw(client) => self.within(client.put(key, value)).await,
            Client::Transactional(client) => {
                let work = || async {
                    let mut transaction = begin(client).await?;
                    transaction.put(key.clone(), value.clone()).await?;
                    commit(&mut transaction).await
                };
                self.transact(client, (&key, &key), work).await
            }
        }
    }

    async fn delete(&self, key: Vec<u8>) -> Result<(), Failure> {
        match &self.client {
            Client::Raw(client) => self.within(client.delete(key)).await,
            Client::Transactional(client) => {
                let work = || async {
                    let mut transaction = begin(client).await?;
                    transaction.delete(key.clone()).await?;
                    commit(&mut transaction).await
                };
                self.transact(client, (&key, &key), work).await
            }
        }
    }

    async fn scan(&self, from: Vec<u8>, to: Vec<u8>, limit: u32) -> Result<usize, Failure> {
        match &self.client {
            // `scan` of the client begins again at the first key when the last region holds fewer keys than it asked for.
            Client::Raw(client) => {
                let pairs = self.within(client.batch_scan([from..to], limit)).await?;
                // The limit is for each region.
                Ok(pairs
                    .len()
                    .min(usize::try_from(limit).unwrap_or(usize::MAX)))
            }
            Client::Transactional(client) => {
                let work = || async {
                    let mut transaction = begin(client).await?;
                    Ok(transaction
                        .scan(from.clone()..to.clone(), limit)
                        .await?
                        .count())
                };
                self.transact(client, (&from, &to), work).await
            }
        }
    }

    async fn read_together(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Found>, Failure> {
        let client = self.transactional()?;
        let work = || async {
            let mut transaction = begin(client).await?;
            let mut values = together(&mut transaction, &keys).await?;
            Ok(keys.iter().map(|key| values.remove(key)).collect())
        };
        self.transact(client, span(&keys), work).await
    }

    async fn fill(&self, keys: Vec<Vec<u8>>, value: Vec<u8>) -> Result<(), Failure> {
        let client = self.transactional()?;
        let work = || async {
            let mut transaction = begin(client).await?;
            let values = together(&mut transaction, &keys).await?;
            for key in keys.iter().filter(|key| !values.contains_key(*key)) {
                transaction.put(key.clone(), value.clone()).await?;
            }
            commit(&mut transaction).await
        };
        self.transact(client, span(&keys), work).await
    }

    async fn transfer(&self, from: Vec<u8>, to: Vec<u8>, amount: i64) -> Result<(), Failure> {
        let client = self.transactional()?;
        let work = || async {
            let mut transaction = begin(client).await?;
            for (account, change) in [(&from, -amount), (&to, amount)] {
                let balance = balance(&transaction.get(account.clone()).await?);
                transaction
                    .put(account.clone(), (balance + change).to_string().into_bytes())
                    .await?;
            }
            commit(&mut transaction).await
        };
        self.transact(
            client,
            (from.as_slice().min(&to), from.as_slice().max(&to)),
            work,
        )
        .await
    }
}
