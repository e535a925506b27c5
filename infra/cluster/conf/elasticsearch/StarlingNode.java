import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts a stock Elasticsearch node. Its distribution, launcher and entitlement sandbox are not
 * published to Maven repositories; the server is.
 */
public class StarlingNode {
    private static final int CLOSE_S = 10;

    public static void main(String[] arguments) throws Exception {
        LogConfigurator.registerErrorListener();
        // Before any other class of Elasticsearch: it wires the logger factory of them all.
        LogConfigurator.configureESLogging();
        Environment environment = environment();
        LogConfigurator.setClusterName(environment.settings().get("cluster.name"));
        LogConfigurator.setNodeName(environment.settings().get("node.name"));
        LogConfigurator.configure(environment, true);

        Node node = new Node(environment, plugins(environment));
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node, closed)));
        node.start();
        closed.await();
    }

    private static Environment environment() {
        String home = System.getProperty("es.path.home");
        return InternalSettingsPreparer.prepareEnvironment(
                Settings.builder().put("path.home", home).build(),
                Map.of(),
                Path.of(System.getProperty("es.path.conf")),
                () -> "node-1");
    }

    private static PluginsLoader plugins(Environment environment) {
        return PluginsLoader.createPluginsLoader(
                PluginsLoader.loadModulesBundles(environment.modulesDir(), false),
                PluginsLoader.loadPluginsBundles(environment.pluginsDir(), false),
                Map.of());
    }

    private static void close(Node node, CountDownLatch closed) {
        try {
            node.prepareForClose();
            node.close();
            node.awaitClose(CLOSE_S, TimeUnit.SECONDS);
        } catch (Exception error) {
            error.printStackTrace();
        } finally {
            closed.countDown();
        }
    }
}
