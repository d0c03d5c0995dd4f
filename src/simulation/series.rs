//! A run over time, with a limited number of points, however long it takes.

/// One moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    pub at_ms: u64,
    /// Builds that arrived and have neither ended nor given up.
    pub demand: u32,
    pub ready: u32,
    /// Pods that are terminating.
    pub draining: u32,
    /// Connections that wait in the balancer, including those of clients that left.
    pub queued: u32,
    pub nodes: u32,
}

/// Points at equal intervals. When there are too many, every second one is dropped and the interval doubles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    pub points: Vec<Point>,
    every_ms: u64,
}

/// More than a chart has columns.
const MAX_POINTS: usize = 2_000;

impl Default for Series {
    fn default() -> Self {
        Series { points: Vec::new(), every_ms: 1_000 }
    }
}

impl Series {
    /// Adds the point, and returns the time until the next one in ms.
    pub fn add(&mut self, point: Point) -> u64 {
        // Done before adding the new point, which may be the last and must stay.
        if self.points.len() >= MAX_POINTS {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.every_ms *= 2;
        }
        self.points.push(point);
        self.every_ms
    }

    pub fn last_ms(&self) -> u64 {
        self.points.last().map_or(0, |point| point.at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_keeps_its_first_and_its_last_point_however_long_it_is() {
        for length in [1, 2, MAX_POINTS as u64, MAX_POINTS as u64 + 1, 3 * MAX_POINTS as u64 + 7] {
            let mut series = Series::default();
            let mut at_ms = 0;
            for _ in 0..length {
                at_ms += series.add(Point { at_ms, ..Point::default() });
            }
            let last = at_ms - series.every_ms;
            assert_eq!(series.points.first().map(|point| point.at_ms), Some(0));
            assert_eq!(series.last_ms(), last);
            assert!(series.points.len() <= MAX_POINTS);
        }
    }
}
