//! The scales of a chart: where times and counts are drawn, and which of them are marked.

/// Paths are in tenths of a px.
pub(super) const FINE: u64 = 10;
/// Minimum distance between two marks of the counts, in px.
const MARK: u64 = 40;
/// Marks of the time after the first.
const MAX_TIMES: u64 = 10;

/// The scale that all plots of a chart share. It also works if all counts are 0, or if a run ends at once.
pub(super) struct Scale {
    width: u64,
    pub(super) height: u64,
    pub(super) span_ms: u64,
    top: u64,
    count_step: u64,
}

impl Scale {
    /// A scale for counts up to `most`, in plots of this width and height in px.
    pub(super) fn new(width: u64, height: u64, span_ms: u64, most: u64) -> Self {
        let most = most.max(1);
        let count_step = count_step(most, height / MARK);
        let span_ms = span_ms.max(1_000);
        Scale { width, height, span_ms, top: most.next_multiple_of(count_step), count_step }
    }

    /// Where the marks of the counts are: the count, and px from the top.
    pub(super) fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        (0..=self.top / self.count_step).map(|mark| (mark * self.count_step, self.y(mark * self.count_step) / FINE))
    }

    /// Where the marks of the time are: the number in the unit, and px from the left.
    pub(super) fn times(&self) -> impl Iterator<Item = (u64, u64)> {
        let (step_ms, (unit_ms, _)) = time_step(self.span_ms, MAX_TIMES);
        (0..=self.span_ms / step_ms).map(move |mark| (mark * step_ms / unit_ms, self.x(mark * step_ms) / FINE))
    }

    pub(super) fn unit(&self) -> &'static str {
        time_step(self.span_ms, MAX_TIMES).1.1
    }

    /// From the left of the plot, in tenths of a px.
    pub(super) fn x(&self, at_ms: u64) -> u64 {
        rounded(at_ms, self.width * FINE, self.span_ms)
    }

    /// From the top of the plot, in tenths of a px.
    pub(super) fn y(&self, count: u64) -> u64 {
        self.height * FINE - rounded(count, self.height * FINE, self.top)
    }
}

/// `value * length / of`, to the nearest.
fn rounded(value: u64, length: u64, of: u64) -> u64 {
    let of = u128::from(of);
    u64::try_from((u128::from(value) * u128::from(length) + of / 2) / of).unwrap_or(u64::MAX)
}

/// Distance between two marks: 1, 2 or 5 followed by zeros, so that at most `most` marks are needed for the count.
fn count_step(count: u64, most: u64) -> u64 {
    let steps = (0..18).flat_map(|zeros| [1, 2, 5].map(|digit| digit * 10_u64.pow(zeros)));
    steps.into_iter().find(|step| count.div_ceil(*step) <= most).unwrap_or(count)
}

/// Distance between two marks of a time axis in ms, and the unit of the marks, so that at most `most` marks follow the
/// first.
pub(crate) fn time_step(span_ms: u64, most: u64) -> (u64, (u64, &'static str)) {
    const STEPS_S: [u64; 18] =
        [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];
    let days = (1..38).map(|doubled| 86_400 << doubled);
    let mut steps = STEPS_S.into_iter().chain(days).map(|step_s| step_s * 1_000);
    let step_ms = steps.find(|step_ms| span_ms / step_ms <= most).unwrap_or(u64::MAX);
    let unit = match step_ms {
        0..60_000 => (1_000, "seconds"),
        60_000..3_600_000 => (60_000, "minutes"),
        3_600_000..86_400_000 => (3_600_000, "hours"),
        _ => (86_400_000, "days"),
    };
    (step_ms, unit)
}
