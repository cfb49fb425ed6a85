package dev.reactiveevents.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** Another JVM, which says when it is ready, and then answers each line by one. It ends when nobody can ask any more. */
final class OtherProcess implements AutoCloseable {

    private static final String READY = "ready";
    private static final long SECONDS_TO_END = 10;

    private final Process process;
    private final PrintWriter questions;
    private final BufferedReader answers;

    private OtherProcess(Process process) {
        this.process = process;
        this.questions = new PrintWriter(process.outputWriter(), true);
        this.answers = process.inputReader();
    }

    /** Starts it, and returns when it is ready. */
    static OtherProcess start(Class<?> main, String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        command.addAll(List.of(arguments));
        try {
            OtherProcess other = new OtherProcess(new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start());
            other.expectReady();
            return other;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void expectReady() {
        String line = nextLine();
        if (!line.equals(READY)) {
            throw new IllegalStateException("The other process was to say that it is ready, and said: " + line);
        }
    }

    String ask(String question) {
        questions.println(question);
        return nextLine();
    }

    private String nextLine() {
        try {
            String line = answers.readLine();
            if (line == null) {
                throw new IllegalStateException("The other process ended before it answered.");
            }
            return line;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        questions.close();
        try {
            if (!process.waitFor(SECONDS_TO_END, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    // == In the other process ==

    static void sayReady() {
        System.out.println(READY);
    }

    static void answer(UnaryOperator<String> answerTo) throws IOException {
        BufferedReader asked = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String question;
        while ((question = asked.readLine()) != null) {
            System.out.println(answerTo.apply(question));
        }
    }
}
