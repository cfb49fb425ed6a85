/** Measurements: ours beside the bare driver, in one run. Figures and their conditions are in {@code docs/performance.md}. */
@NullMarked
package dev.reactiveevents.benchmarks;

import org.jspecify.annotations.NullMarked;
