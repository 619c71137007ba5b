//! PD: who leads what, where the stores are, and time.

use super::World;
use super::grpc::{Answering, Incoming, Outgoing, many, one, unknown};
use super::pd_messages::{
    GetAllStoresRequest, GetAllStoresResponse, GetMembersRequest, GetMembersResponse,
    GetRegionByIdRequest, GetRegionRequest, GetRegionResponse, GetStoreRequest, GetStoreResponse,
    Member, ResponseHeader, Store, Timestamp, TsoRequest, TsoResponse,
};
use super::percolator::LOGICAL_BITS;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

const CLUSTER: u64 = 7;

/// One member.
#[derive(Clone)]
pub(crate) struct Pd {
    pub(crate) world: Arc<World>,
    /// From 0 on.
    pub(crate) number: usize,
}

/// Hands out timestamps, each greater than the one before.
#[derive(Default)]
pub(crate) struct Oracle(u64);

impl Oracle {
    /// Takes so many; returns the last.
    pub(crate) fn take(&mut self, count: u32) -> u64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis() as u64;
        self.0 = self.0.max(now << LOGICAL_BITS) + u64::from(count);
        self.0
    }
}

impl Answering for Pd {
    const NAME: &'static str = "pdpb.PD";

    async fn answer(self, method: String, incoming: Incoming) -> Outgoing {
        self.world.pd_awake(self.number).await;
        match method.as_str() {
            "GetMembers" => {
                one(incoming, move |_: GetMembersRequest| async move {
                    Ok(self.members())
                })
                .await
            }
            "Tso" => many(incoming, move |requests| self.tso(requests)).await,
            "GetRegion" => {
                let answer = move |request: GetRegionRequest| async move {
                    let id = self.world.regions().id_of_encoded(&request.region_key);
                    self.region(id)
                };
                one(incoming, answer).await
            }
            "GetRegionByID" => {
                one(incoming, move |request: GetRegionByIdRequest| async move {
                    self.region(request.region_id)
                })
                .await
            }
            "GetStore" => {
                one(incoming, move |request: GetStoreRequest| async move {
                    self.store(request.store_id)
                })
                .await
            }
            "GetAllStores" => {
                one(incoming, move |_: GetAllStoresRequest| async move {
                    self.stores()
                })
                .await
            }
            _ => unknown(&method, incoming).await,
        }
    }
}

fn header() -> Option<ResponseHeader> {
    Some(ResponseHeader {
        cluster_id: CLUSTER,
    })
}

impl Pd {
    /// Every member knows them, leader or not.
    fn members(&self) -> GetMembersResponse {
        let member = |(number, address): (usize, &String)| Member {
            name: format!("pd-{number}"),
            member_id: number as u64 + 1,
            client_urls: vec![format!("http://{address}")],
        };
        let members: Vec<Member> = self
            .world
            .pd_addresses
            .iter()
            .enumerate()
            .map(member)
            .collect();
        let leader = members.get(*self.world.pd_leader.borrow()).cloned();
        GetMembersResponse {
            header: header(),
            members,
            leader,
        }
    }

    fn must_lead(&self) -> Result<(), Status> {
        let leads = *self.world.pd_leader.borrow() == self.number;
        if leads {
            Ok(())
        } else {
            Err(Status::unavailable("not leader"))
        }
    }

    fn region(&self, id: u64) -> Result<GetRegionResponse, Status> {
        self.must_lead()?;
        let (region, leader) = self.world.regions().described(id).unzip();
        Ok(GetRegionResponse {
            header: header(),
            region,
            leader,
        })
    }

    fn store(&self, id: u64) -> Result<GetStoreResponse, Status> {
        let store = self
            .stores()?
            .stores
            .into_iter()
            .find(|store| store.id == id);
        Ok(GetStoreResponse {
            header: header(),
            store,
        })
    }

    fn stores(&self) -> Result<GetAllStoresResponse, Status> {
        self.must_lead()?;
        let store = |(number, address): (usize, &String)| Store {
            id: number as u64 + 1,
            address: address.clone(),
        };
        let stores = self
            .world
            .store_addresses
            .iter()
            .enumerate()
            .map(store)
            .collect();
        Ok(GetAllStoresResponse {
            header: header(),
            stores,
        })
    }

    /// Until the client goes away, or another member leads.
    fn tso(
        &self,
        mut requests: Streaming<TsoRequest>,
    ) -> Result<ReceiverStream<Result<TsoResponse, Status>>, Status> {
        self.must_lead()?;
        let (answers, stream) = mpsc::channel(16);
        let pd = self.clone();
        let mut leader = self.world.pd_leader.subscribe();
        tokio::spawn(async move {
            loop {
                let request = tokio::select! {
                    // What it returns is a guard, which must not be held over a wait.
                    () = async { _ = leader.wait_for(|leader| *leader != pd.number).await } => None,
                    request = requests.message() => Some(request),
                };
                let Some(request) = request else {
                    let _ = answers.send(Err(Status::unavailable("not leader"))).await;
                    return;
                };
                let Ok(Some(TsoRequest { count })) = request else {
                    return;
                };
                pd.world.pd_awake(pd.number).await;
                let last = pd.world.oracle().take(count);
                pd.world.note_timestamps(pd.number, count);
                let physical = (last >> LOGICAL_BITS) as i64;
                let logical = (last & ((1 << LOGICAL_BITS) - 1)) as i64;
                let timestamp = Some(Timestamp { physical, logical });
                if answers
                    .send(Ok(TsoResponse {
                        header: header(),
                        count,
                        timestamp,
                    }))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        });
        Ok(ReceiverStream::new(stream))
    }
}
