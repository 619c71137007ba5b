//! A TiKV cluster. Every call has a deadline of its own: the client retries by itself, and after the loss of PD for long.

use crate::backend::{Backend, Failure, Found, balance};
use crate::options::{Mode, Options};
use std::future::Future;
use std::time::Duration;
use tikv_client::{CheckLevel, Config, Error, RawClient, Transaction, TransactionClient, TransactionOptions};

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
    /// Finds the cluster, or says why not.
    pub(crate) async fn connect(options: &Options) -> Result<Self, String> {
        let config = Config::default().with_timeout(options.timeout);
        let endpoints = options.pd.clone();
        let connecting = async {
            match options.mode {
                Mode::Raw => RawClient::new_with_config(endpoints, config).await.map(Client::Raw),
                Mode::Txn => TransactionClient::new_with_config(endpoints, config).await.map(Client::Transactional),
            }
        };
        let place = options.pd.join(", ");
        match tokio::time::timeout(options.connect_timeout, connecting).await {
            Ok(Ok(client)) => Ok(Self { client, timeout: options.timeout }),
            Ok(Err(error)) => Err(format!("no PD answers at {place}: {error}")),
            Err(_) => {
                Err(format!("no PD answers at {place}: nothing within {:.0} s", options.connect_timeout.as_secs_f64()))
            }
        }
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(result) => result.map_err(|error| failure(&error)),
            Err(_) => Err(Failure::Timeout),
        }
    }
}

/// A transaction that is dropped in the middle because its time is over must not end the process.
async fn begin(client: &TransactionClient) -> Result<Transaction, Error> {
    let options = TransactionOptions::new_optimistic().drop_check(CheckLevel::None);
    client.begin_with_options(options).await
}

fn failure(error: &Error) -> Failure {
    let text = format!("{error}");
    let is_conflict =
        ["WriteConflict", "write_conflict", "conflict: Some", "AlreadyExist", "ResolveLock", "resolve lock"]
            .iter()
            .any(|word| text.contains(word));
    if is_conflict { Failure::Conflict } else { Failure::Other(text.chars().take(300).collect()) }
}

#[expect(clippy::result_large_err, reason = "the error is the client's own")]
fn needs_transactions<T>() -> Result<T, Error> {
    Err(Error::StringError("this needs the transactional mode".to_owned()))
}

impl Backend for Tikv {
    async fn get(&self, key: Vec<u8>) -> Result<Found, Failure> {
        self.within(async {
            match &self.client {
                Client::Raw(client) => client.get(key).await,
                Client::Transactional(client) => {
                    let mut transaction = begin(client).await?;
                    let found = transaction.get(key).await?;
                    transaction.commit().await.map(|_| found)
                }
            }
        })
        .await
    }

    async fn put(&self, key: Vec<u8>, value: Vec<u8>) -> Result<(), Failure> {
        self.within(async {
            match &self.client {
                Client::Raw(client) => client.put(key, value).await,
                Client::Transactional(client) => {
                    let mut transaction = begin(client).await?;
                    transaction.put(key, value).await?;
                    transaction.commit().await.map(drop)
                }
            }
        })
        .await
    }

    async fn delete(&self, key: Vec<u8>) -> Result<(), Failure> {
        self.within(async {
            match &self.client {
                Client::Raw(client) => client.delete(key).await,
                Client::Transactional(client) => {
                    let mut transaction = begin(client).await?;
                    transaction.delete(key).await?;
                    transaction.commit().await.map(drop)
                }
            }
        })
        .await
    }

    async fn scan(&self, from: Vec<u8>, to: Vec<u8>, limit: u32) -> Result<usize, Failure> {
        self.within(async {
            match &self.client {
                Client::Raw(client) => client.scan(from..to, limit).await.map(|pairs| pairs.len()),
                Client::Transactional(client) => {
                    let mut transaction = begin(client).await?;
                    let found = transaction.scan(from..to, limit).await?.count();
                    transaction.commit().await.map(|_| found)
                }
            }
        })
        .await
    }

    async fn read_together(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Found>, Failure> {
        let client = match &self.client {
            Client::Raw(_) => return needs_transactions().map_err(|error| failure(&error)),
            Client::Transactional(client) => client,
        };
        self.within(async {
            let mut transaction = begin(client).await?;
            let pairs: Vec<_> = transaction.batch_get(keys.clone()).await?.collect();
            transaction.commit().await?;
            let value = |key: &Vec<u8>| {
                pairs.iter().find(|pair| Vec::<u8>::from(pair.0.clone()) == *key).map(|pair| pair.1.clone())
            };
            Ok(keys.iter().map(value).collect())
        })
        .await
    }

    async fn fill(&self, keys: Vec<Vec<u8>>, value: Vec<u8>) -> Result<(), Failure> {
        let Client::Transactional(client) = &self.client else {
            return needs_transactions().map_err(|error| failure(&error));
        };
        self.within(async {
            let mut transaction = begin(client).await?;
            for key in keys {
                if transaction.get(key.clone()).await?.is_none() {
                    transaction.put(key, value.clone()).await?;
                }
            }
            transaction.commit().await.map(drop)
        })
        .await
    }

    async fn transfer(&self, from: Vec<u8>, to: Vec<u8>, amount: i64) -> Result<(), Failure> {
        let Client::Transactional(client) = &self.client else {
            return needs_transactions().map_err(|error| failure(&error));
        };
        self.within(async {
            let mut transaction = begin(client).await?;
            for (account, change) in [(from, -amount), (to, amount)] {
                let balance = balance(&transaction.get(account.clone()).await?);
                transaction.put(account, (balance + change).to_string().into_bytes()).await?;
            }
            transaction.commit().await.map(drop)
        })
        .await
    }
}
