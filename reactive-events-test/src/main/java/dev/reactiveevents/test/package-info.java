/**
 * For tests: the contract that every backend passes ({@link dev.reactiveevents.test.EventChannelContract}), and a backend
 * in memory for the unit tests of applications ({@link dev.reactiveevents.test.InMemoryBackend}).
 */
@NullMarked
package dev.reactiveevents.test;

import org.jspecify.annotations.NullMarked;
