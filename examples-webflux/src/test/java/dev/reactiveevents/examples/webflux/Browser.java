package dev.reactiveevents.examples.webflux;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.springframework.util.FileSystemUtils;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A headless Chromium or Chrome of this machine, driven by its own protocol: one page, and what a script in it answers. */
final class Browser implements AutoCloseable {

    private static final List<String> NAMES = List.of(
            "chromium-headless-shell",
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
            "chrome");
    private static final Path MAC = Path.of("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    private static final Pattern ADDRESS = Pattern.compile("DevTools listening on (ws://\\S+)");
    private static final long LIMIT_SECONDS = 30;

    private final JsonMapper json = JsonMapper.shared();
    private final Map<Integer, CompletableFuture<JsonNode>> asked = new ConcurrentHashMap<>();
    private final CompletableFuture<Void> loaded = new CompletableFuture<>();
    private final AtomicInteger number = new AtomicInteger();
    private final Process process;
    private final Path profile;
    private final WebSocket socket;
    private final String page;
    private final String session;

    /** {@return where a browser is on this machine, if there is one} The environment variable {@code BROWSER_PATH} comes first. */
    static Optional<Path> installed() {
        String given = System.getenv("BROWSER_PATH");
        Stream<Path> onPath = Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)));
        return Stream.concat(
                        given == null ? Stream.empty() : Stream.of(Path.of(given)),
                        Stream.concat(onPath, Stream.of(MAC)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Starts a browser and opens a page. */
    Browser(Path executable, String url) throws Exception {
        profile = Files.createTempDirectory("reactive-events-browser");
        process = new ProcessBuilder(
                        executable.toString(),
                        "--headless",
                        "--no-sandbox", // it opens nothing but our own page, and tests may run as root
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--remote-debugging-port=0",
                        "--user-data-dir=" + profile,
                        "about:blank")
                .redirectErrorStream(true)
                .start();
        socket = HttpClient.newHttpClient()
                .newWebSocketBuilder()
                .connectTimeout(Duration.ofSeconds(LIMIT_SECONDS))
                .buildAsync(URI.create(address()), new Answers())
                .get(LIMIT_SECONDS, TimeUnit.SECONDS);
        page = ask("Target.createTarget", Map.of("url", "about:blank"), null)
                .get("targetId")
                .asString();
        session = ask("Target.attachToTarget", Map.of("targetId", page, "flatten", true), null)
                .get("sessionId")
                .asString();
        ask("Page.enable", Map.of(), session);
        ask("Page.navigate", Map.of("url", url), session);
        loaded.get(LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    /** It says where it can be talked to, and goes on talking, which has to be read away. */
    private String address() throws Exception {
        CompletableFuture<String> found = new CompletableFuture<>();
        Thread reader = new Thread(
                () -> {
                    StringBuilder said = new StringBuilder();
                    try (BufferedReader output = process.inputReader()) {
                        for (String line = output.readLine(); line != null; line = output.readLine()) {
                            said.append(line).append('\n');
                            Matcher address = ADDRESS.matcher(line);
                            if (address.find()) {
                                found.complete(address.group(1));
                            }
                        }
                    } catch (IOException closed) {
                        said.append(closed);
                    }
                    found.completeExceptionally(new IllegalStateException("The browser has ended: " + said));
                },
                "browser-output");
        reader.setDaemon(true);
        reader.start();
        return found.get(LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    /** {@return what a script in the page answers; what it promises is waited for} */
    String evaluate(String script) throws Exception {
        JsonNode answer = ask(
                "Runtime.evaluate", Map.of("expression", script, "awaitPromise", true, "returnByValue", true), session);
        if (answer.has("exceptionDetails")) {
            throw new IllegalStateException("The page failed: " + answer.get("exceptionDetails"));
        }
        return answer.get("result").path("value").asString("");
    }

    /** The user leaves. */
    void closePage() throws Exception {
        ask("Target.closeTarget", Map.of("targetId", page), null);
    }

    private JsonNode ask(String method, Map<String, ?> parameters, String inSession) throws Exception {
        int id = number.incrementAndGet();
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        asked.put(id, answer);
        Map<String, Object> question = new HashMap<>(Map.of("id", id, "method", method, "params", parameters));
        if (inSession != null) {
            question.put("sessionId", inSession);
        }
        socket.sendText(json.writeValueAsString(question), true).get(LIMIT_SECONDS, TimeUnit.SECONDS);
        return answer.get(LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    private final class Answers implements WebSocket.Listener {

        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
            text.append(part);
            if (last) {
                JsonNode message = json.readTree(text.toString());
                text.setLength(0);
                if (message.has("id")) {
                    answered(message);
                } else if (message.path("method").asString("").equals("Page.loadEventFired")) {
                    loaded.complete(null);
                }
            }
            from.request(1);
            return null;
        }

        private void answered(JsonNode message) {
            CompletableFuture<JsonNode> question =
                    asked.remove(message.get("id").asInt());
            if (message.has("error")) {
                question.completeExceptionally(
                        new IllegalStateException("The browser refused: " + message.get("error")));
            } else {
                question.complete(message.get("result"));
            }
        }
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
        try {
            FileSystemUtils.deleteRecursively(profile);
        } catch (IOException left) {
            throw new UncheckedIOException(left);
        }
    }
}
