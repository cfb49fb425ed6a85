package dev.reactiveevents.test;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectNestedMethod;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import dev.reactiveevents.spi.StoreUpkeep;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.EventStatistics;
import reactor.core.publisher.Mono;

/** The contract notices what is broken, and skips what is not claimed. */
class EventChannelContractTest {

    @Test
    void aBackendThatIgnoresLeaseTokensFails() {
        assertFails(
                IgnoresTokens.class,
                EventChannelContract.Leases.class,
                "lateAckAnswersFalseOnceSomebodyElseHasTheEvent");
    }

    @Test
    void aBackendThatLosesTheOrderFails() {
        assertFails(LosesOrder.class, EventChannelContract.Ordering.class, "eventsOfTheSameTimeArriveInPublishOrder");
        assertFails(LosesOrder.class, EventChannelContract.Publishing.class, "publishAllAnswersTheIdsInInputOrder");
    }

    @Test
    void aBackendThatCountsAReleaseAsAnAttemptFails() {
        assertFails(
                CountsReleases.class,
                EventChannelContract.Shutdown.class,
                "whatWasNotHandedOverIsGivenBackAtOnceToItsOldPlace");
    }

    @Test
    void aBackendThatIgnoresDelaysFails() {
        assertFails(IgnoresDelays.class, EventChannelContract.Delays.class, "aDelayedEventIsNotReceivedBeforeItIsDue");
    }

    @Test
    void aBackendThatLeasesForTooShortATimeFails() {
        assertFails(
                LeasesBriefly.class,
                EventChannelContract.Leases.class,
                "aMessageIsOwnedForItsLeaseAndComesAgainAtOneAndAHalfOfItAtTheLatest");
    }

    @Test
    void aBackendThatDeliversSuspectsWithTheOthersFails() {
        assertFails(
                TrustsSuspects.class,
                EventChannelContract.Killers.class,
                "whatLapsedTwiceWaitsUntilNothingElseIsInHand");
    }

    @Test
    void aBackendThatReadsDeadLettersInOneDirectionOnlyFails() {
        assertFails(
                ReadsOneWay.class,
                EventChannelContract.DeadLetters.class,
                "theyComeInTheOrderInWhichTheyDiedEitherWay");
    }

    @Test
    void aBackendThatWithdrawsWhatSomebodyHasFails() {
        assertFails(
                WithdrawsAnything.class,
                EventChannelContract.Withdrawing.class,
                "whatHasBeenTakenCannotBeWithdrawnWhateverBecameOfIt");
    }

    @Test
    void aBackendThatCountsWithoutABoundFails() {
        assertFails(CountsOn.class, EventChannelContract.Inspecting.class, "beyondTheBoundItIsAtLeast");
    }

    @Test
    void whatIsNotClaimedIsSkipped() {
        run(
                ClaimsNothing.class,
                EventChannelContract.Delays.class,
                "aDelayedEventIsNotReceivedBeforeItIsDue",
                of -> of.aborted(1));
    }

    private static void assertFails(Class<? extends OnFaulty> faulty, Class<?> group, String test) {
        run(Sound.class, group, test, of -> of.succeeded(1));
        run(faulty, group, test, of -> of.failed(1));
    }

    private static void run(
            Class<? extends OnFaulty> contract, Class<?> group, String test, Consumer<EventStatistics> expected) {
        EngineTestKit.engine("junit-jupiter")
                .selectors(selectNestedMethod(List.of(contract), group, test))
                .execute()
                .testEvents()
                .assertStatistics(expected);
    }

    abstract static class OnFaulty extends EventChannelContract {

        private final InMemoryBackend sound = InMemoryBackend.create();

        abstract EventBackend faulty(EventBackend sound);

        @Override
        protected EventChannel open(ChannelOptions options) {
            return EventChannels.over(faulty(sound), options);
        }

        @Override
        protected Set<Capability> capabilities() {
            return sound.capabilities();
        }
    }

    static class Sound extends OnFaulty {
        @Override
        EventBackend faulty(EventBackend sound) {
            return new ForwardingBackend(sound) {};
        }
    }

    static class ClaimsNothing extends Sound {
        @Override
        protected Set<Capability> capabilities() {
            return EnumSet.noneOf(Capability.class);
        }
    }

    static class IgnoresTokens extends OnFaulty {
        @Override
        EventBackend faulty(EventBackend sound) {
            return new ForwardingBackend(sound) {
                @Override
                public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
                    return super.settle(settlements)
                            .thenReturn(Collections.nCopies(settlements.size(), SettleResult.APPLIED));
                }
            };
        }
    }

    static class LosesOrder extends OnFaulty {
        @Override
        EventBackend faulty(EventBackend sound) {
            return new ForwardingBackend(sound) {
                @Override
                public Mono<Void> publish(List<NewEvent> events) {
                    List<NewEvent> reversed = new ArrayList<>(events);
                    Collections.reverse(reversed);
                    return super.publish(reversed);
                }
            };
        }
    }

    static class CountsReleases extends OnFaulty {
        @Override
        EventBackend faulty(EventBackend sound) {
            return new ForwardingBackend(sound) {
                @Override
                public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
                    return super.settle(
                            settlements.stream().map(CountsReleases::counted).toList());
                }
            };
        }

        private static Settlement counted(Settlement of) {
            Outcome outcome = of.outcome() == Outcome.RELEASE ? Outcome.RETRY : of.outcome();
            return new Settlement(
                    outcome, of.channel(), of.eventId(), of.key(), of.leaseToken(), of.after(), of.reason());
        }
    }

    static class IgnoresDelays extends OnFaulty {
        @Override
        EventBackend faulty(EventBackend sound) {
            return new ForwardingBackend(sound) {
                @Override
                public Mono<Void> publish(List<NewEvent> events) {
                    return super.publish(
                            events.stream().map(IgnoresDelays::undelayed).toList());
                }
            };
        }

        private static NewEvent undelayed(NewEvent of) {
            return new NewEvent(
                    of.eventId(),
                    of.idGiven(),
                    of.channel(),
                    of.type(),
                    of.key(),
                    of.payload(),
                    of.metadata(),
                    Duration.ZERO,
                    null);
        }
    }

    static class LeasesBriefly extends OnFaulty {
        @Override
        EventBackend faulty(EventBackend sound) {
            return new ForwardingBackend(sound) {
                @Override
                public Mono<List<Claimed>> claim(Claim claim) {
                    Duration brief = claim.lease().dividedBy(4);
                    return super.claim(new Claim(
                            claim.leaseToken(), brief, claim.suspects(), claim.deadLetterKeys(), claim.requests()));
                }
            };
        }
    }

    /** Faulty in one method of its upkeep, by name. */
    abstract static class WithFaultyUpkeep extends OnFaulty {

        abstract Object answer(StoreUpkeep sound, Method method, Object[] arguments) throws Exception;

        @Override
        EventBackend faulty(EventBackend sound) {
            return new ForwardingBackend(sound) {
                @Override
                public StoreUpkeep upkeep() {
                    StoreUpkeep soundUpkeep = super.upkeep();
                    return (StoreUpkeep) Proxy.newProxyInstance(
                            getClass().getClassLoader(),
                            new Class<?>[] {StoreUpkeep.class},
                            (proxy, method, arguments) -> answer(soundUpkeep, method, arguments));
                }
            };
        }
    }

    static class ReadsOneWay extends WithFaultyUpkeep {
        @Override
        Object answer(StoreUpkeep sound, Method method, Object[] arguments) throws Exception {
            if (arguments != null && arguments[0] instanceof DeadEvent.Range range) {
                arguments[0] = new DeadEvent.Range(range.channel(), range.from(), range.to(), false);
            }
            return method.invoke(sound, arguments);
        }
    }

    static class WithdrawsAnything extends WithFaultyUpkeep {
        @Override
        Object answer(StoreUpkeep sound, Method method, Object[] arguments) throws Exception {
            return method.getName().equals("withdraw") ? Mono.just("any") : method.invoke(sound, arguments);
        }
    }

    static class CountsOn extends WithFaultyUpkeep {
        @Override
        Object answer(StoreUpkeep sound, Method method, Object[] arguments) throws Exception {
            return method.getName().equals("counts")
                    ? sound.counts((String) arguments[0], Integer.MAX_VALUE)
                    : method.invoke(sound, arguments);
        }
    }

    static class TrustsSuspects extends OnFaulty {
        @Override
        EventBackend faulty(EventBackend sound) {
            return new ForwardingBackend(sound) {
                @Override
                public Mono<List<Claimed>> claim(Claim claim) {
                    Claim ofSuspects = new Claim(
                            claim.leaseToken(), claim.lease(), true, claim.deadLetterKeys(), claim.requests());
                    return super.claim(claim)
                            .flatMap(found -> isEmpty(found) ? super.claim(ofSuspects) : Mono.just(found));
                }
            };
        }

        private static boolean isEmpty(List<Claimed> found) {
            return found.stream().allMatch(claimed -> claimed.events().isEmpty());
        }
    }
}
