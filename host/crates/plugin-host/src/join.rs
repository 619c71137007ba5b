//! Waiting for many things at once, in one task and in a fixed order of asking, so that a simulated
//! world sees the same requests in the same order in every run.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Futures that are asked at the same time. The egress policy lets no more requests out at once
/// than this, so more would only wait inside.
const AT_ONCE: usize = 32;

/// One future that runs, and the place of its result.
type Running<'a, T> = (usize, Pin<Box<dyn Future<Output = T> + Send + 'a>>);

/// The results of all futures, in the order in which they were given.
pub(crate) async fn join_in_order<'a, T, F>(
    futures: impl IntoIterator<Item = F, IntoIter: Send>,
) -> Vec<T>
where
    F: Future<Output = T> + Send + 'a,
    T: Send,
{
    let mut waiting = futures.into_iter().enumerate().fuse();
    let mut running: Vec<Running<'a, T>> = Vec::new();
    let mut done: Vec<(usize, T)> = Vec::new();
    poll_fn(|context| {
        loop {
            while running.len() < AT_ONCE
                && let Some((place, future)) = waiting.next()
            {
                running.push((place, Box::pin(future)));
            }
            let before = done.len();
            poll_each(&mut running, &mut done, context);
            if running.is_empty() && done.len() == before {
                return Poll::Ready(());
            }
            if done.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Moves what is ready from `running` to `done`; keeps the order of the others.
fn poll_each<T>(
    running: &mut Vec<Running<'_, T>>,
    done: &mut Vec<(usize, T)>,
    context: &mut Context<'_>,
) {
    running.retain_mut(|(place, future)| match future.as_mut().poll(context) {
        Poll::Ready(result) => {
            done.push((*place, result));
            false
        }
        Poll::Pending => true,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn results_come_in_the_order_of_the_questions_whoever_is_first() {
        let results = join_in_order((0..100_usize).map(|number| async move {
            for _ in 0..(number * 7) % 5 {
                tokio::task::yield_now().await;
            }
            number
        }));
        assert_eq!(results.await, (0..100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn no_more_than_the_bound_run_at_once() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        join_in_order((0..200).map(|_| async {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            running.fetch_sub(1, Ordering::SeqCst);
        }))
        .await;
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    }

    #[tokio::test]
    async fn nothing_to_wait_for_is_ready_at_once() {
        assert!(
            join_in_order(Vec::<std::future::Ready<()>>::new())
                .await
                .is_empty()
        );
    }
}
