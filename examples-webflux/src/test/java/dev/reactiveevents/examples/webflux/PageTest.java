package dev.reactiveevents.examples.webflux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;

/** The page in a real browser. Without one on this machine it is skipped, and says so. */
@ResourceLock("SpringApplication") // it sets up logging for all of the process, which two must not do at once
class PageTest {

    /** Waits for what the page shows, by its own changes. */
    private static final String SHOWN = """
            new Promise(found => {
              const look = () => {
                const entry = [...document.querySelectorAll('#orders li')].find(each => each.textContent.includes('%s'));
                if (entry) found(entry.textContent);
              };
              new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
              look();
            })
            """;

    private static final String LIVE = """
            new Promise(found => {
              const state = document.getElementById('state');
              const look = () => { if (state.textContent === 'live') found(state.textContent); };
              new MutationObserver(look).observe(state, { childList: true });
              look();
            })
            """;

    private static final String PLACE = """
            const form = document.getElementById('place');
            form.customer.value = 'anna';
            form.item.value = 'lamp';
            form.querySelector('button').click();
            """;

    @Test
    void ordersAppearAsTheyShip() throws Exception {
        Path executable = Browser.installed()
                .orElseGet(() ->
                        Assumptions.abort("There is no Chromium or Chrome on this machine; install one, or name it"
                                + " by the environment variable BROWSER_PATH."));
        try (ShopRun shop = new ShopRun();
                Browser browser = new Browser(executable, shop.url() + "/")) {
            assertThat(browser.evaluate(LIVE)).isEqualTo("live");
            browser.evaluate(PLACE);
            assertThat(browser.evaluate(SHOWN.formatted("lamp"))).isEqualTo("lamp for anna: shipped");

            shop.place("<b>bert</b>", "chair"); // by somebody else, while the page is open
            assertThat(browser.evaluate(SHOWN.formatted("chair"))).isEqualTo("chair for <b>bert</b>: shipped");

            browser.closePage();
            ShopRun.await(() -> shop.live().viewers() == 0);
            shop.place("anna", "table");
            ShopRun.await(() -> shop.waiting() == 1);
        }
    }
}
