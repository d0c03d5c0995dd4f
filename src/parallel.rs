//! Applies a function to many items on several threads.

use std::thread::{Builder, scope};

/// Results in the order of the items. Each thread takes a contiguous part of them.
pub(crate) fn each<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let run = |items: &[T]| -> Vec<R> { items.iter().map(&work).collect() };
    if threads <= 1 || items.len() <= 1 {
        return run(items);
    }
    let run = &run;
    scope(|scope| {
        let workers: Vec<_> = items
            .chunks(items.len().div_ceil(threads))
            // If no thread can be started, this one does the work.
            .map(|items| Builder::new().spawn_scoped(scope, move || run(items)).map_err(|_| run(items)))
            .collect();
        let results = workers.into_iter().map(|worker| match worker {
            Ok(worker) => worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(done) => done,
        });
        results.flatten().collect()
    })
}

/// Number of processors that this program may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        for threads in [0, 1, 3, 100, 1000] {
            assert_eq!(each(&items, threads, |item| item * 2), (0..200).step_by(2).collect::<Vec<_>>());
        }
        assert!(each(&[0; 0], 4, |item| *item).is_empty());
    }
}
