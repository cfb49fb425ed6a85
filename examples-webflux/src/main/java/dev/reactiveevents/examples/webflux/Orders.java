package dev.reactiveevents.examples.webflux;

import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.spring.ChannelListener;
import org.springframework.r2dbc.core.DatabaseClient;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import reactor.core.publisher.Mono;

/** Orders are placed and shipped; each step is stored and told of in one transaction. */
@Service
class Orders {

    private final DatabaseClient database;
    private final EventPublisher publisher;

    Orders(DatabaseClient database, EventPublisher publisher) {
        this.database = database;
        this.publisher = publisher;
    }

    @Transactional
    public Mono<Order> place(String customer, String item) {
        return insert(customer, item)
                .delayUntil(order -> publisher.publish("orders", order)); // commits or vanishes with the order
    }

    /** An event may come twice: an order that is shipped already is not shipped again. */
    @Transactional
    @ChannelListener(value = "orders", concurrency = "4")
    public Mono<Void> ship(Order order) {
        return database.sql("UPDATE orders SET status = 'shipped' WHERE id = :id AND status = 'placed'")
                .bind("id", order.id())
                .fetch()
                .rowsUpdated()
                .filter(changed -> changed == 1)
                .flatMap(changed -> publisher.publish("orders.shipped", order.shipped()))
                .then();
    }

    private Mono<Order> insert(String customer, String item) {
        return database.sql("INSERT INTO orders (customer, item, status) VALUES (:customer, :item, 'placed')")
                .bind("customer", customer)
                .bind("item", item)
                .filter((statement, next) -> next.execute(statement.returnGeneratedValues("id")))
                .map(row -> new Order(row.get("id", Long.class), customer, item, "placed"))
                .one();
    }
}
