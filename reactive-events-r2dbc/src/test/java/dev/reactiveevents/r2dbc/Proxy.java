package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryOptions;
import io.r2dbc.spi.Option;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A way to a PostgreSQL server that can be cut, become slow, or go dead: connections stay open, and nothing passes any more.
 * Or a way as poolers in transaction mode are one: everything passes but notifications.
 */
public final class Proxy implements AutoCloseable {

    private final ConnectionFactoryOptions server;
    private final ServerSocket door;
    private final boolean notifications;
    private final List<Passage> passages = new CopyOnWriteArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile long delayMillis;
    private volatile boolean dead;
    private volatile long lingerMillis;

    /**
     * A way to a server.
     *
     * @param url the server's
     * @param notifications whether they pass
     */
    public Proxy(String url, boolean notifications) {
        this.notifications = notifications;
        server = ConnectionFactoryOptions.parse(url);
        try {
            door = new ServerSocket(0);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        inBackground(this::accept);
    }

    /** {@return connections that go this way} */
    public ConnectionFactory connections() {
        return connections("proxied");
    }

    /** {@return connections that go this way} @param applicationName what the server calls them */
    ConnectionFactory connections(String applicationName) {
        return ConnectionFactories.get(server.mutate()
                .option(Option.valueOf("applicationName"), applicationName)
                .option(ConnectionFactoryOptions.HOST, "localhost")
                .option(ConnectionFactoryOptions.PORT, door.getLocalPort())
                .build());
    }

    /** Until the way is cut nothing passes any more, on connections that are made later either. */
    public void freezeForGood() {
        dead = true;
    }

    /** Connections that are made later are not concerned. */
    public void freeze() {
        passages.forEach(passage -> passage.frozen = true);
    }

    /** What is on its way from now on takes this long in each direction. */
    public void delay(Duration delay) {
        delayMillis = delay.toMillis();
    }

    /** What the server ends is told at once, but its connection is closed only this much later. */
    public void linger(Duration time) {
        lingerMillis = time.toMillis();
    }

    /** Closes the connections there are, on both sides, and tells how many were still open. Frozen ones too. */
    public long cut() {
        dead = false;
        return passages.stream().filter(Passage::cut).count();
    }

    int accepted() {
        return passages.size();
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = door.accept();
            Object host = server.getRequiredValue(ConnectionFactoryOptions.HOST);
            Object port = server.getValue(ConnectionFactoryOptions.PORT);
            Passage passage = new Passage(client, new Socket(host.toString(), port == null ? 5432 : (Integer) port));
            passages.add(passage);
            passage.start();
        }
    }

    private final class Passage {

        private final Socket client;
        private final Socket server;
        private volatile boolean frozen;

        Passage(Socket client, Socket server) {
            this.client = client;
            this.server = server;
        }

        void start() {
            inBackground(() -> untilItEnds(() -> carry(client.getInputStream(), server.getOutputStream())));
            inBackground(() -> untilItEnds(() -> answer(server.getInputStream(), client.getOutputStream())));
        }

        /** When one side ends, the other learns of it, unless nothing passes any more. */
        private void untilItEnds(Io work) throws IOException {
            try {
                work.run();
            } finally {
                if (!isFrozen()) {
                    pause(lingerMillis);
                    cut();
                }
            }
        }

        private boolean isFrozen() {
            return frozen || dead;
        }

        boolean cut() {
            boolean open = !client.isClosed() && !server.isClosed();
            try {
                client.close();
                server.close();
            } catch (IOException alreadyBroken) {
                // closed all the same
            }
            return open;
        }

        void carry(InputStream from, OutputStream to) throws IOException {
            byte[] bytes = new byte[8192];
            int read;
            while ((read = from.read(bytes)) >= 0) {
                if (!isFrozen()) {
                    pause(delayMillis);
                    to.write(bytes, 0, read);
                    to.flush();
                }
            }
        }

        /** Message by message: its type, its length, the rest of it. */
        void answer(InputStream from, OutputStream to) throws IOException {
            DataInputStream messages = new DataInputStream(from);
            DataOutputStream answers = new DataOutputStream(new BufferedOutputStream(to));
            while (true) {
                boolean first = messages.available() == 0;
                byte type = messages.readByte();
                int length = messages.readInt();
                byte[] rest = messages.readNBytes(length - 4);
                if (!isFrozen() && (notifications || type != 'A')) {
                    if (first) {
                        pause(delayMillis);
                    }
                    answers.writeByte(type);
                    answers.writeInt(length);
                    answers.write(rest);
                    answers.flush();
                }
            }
        }
    }

    /** As long as what passes is to take, or until the way is closed. */
    private void pause(long millis) {
        try {
            closed.await(millis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private interface Io {
        void run() throws IOException;
    }

    /** Ends when its sockets are closed. */
    private static void inBackground(Io work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException itEnded) {
                // the other side of it is told by its own end
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        closed.countDown();
        door.close();
        cut();
    }
}
