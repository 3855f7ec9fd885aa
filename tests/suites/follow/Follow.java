import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * Follows the edge's redirect with one of Java's clients: prints the edge's answer and the page at which it ends. Or offers a
 * handshake that has to be refused.
 *   java Follow.java HTTP_1_1|HTTP_2|HttpURLConnection URL USER_AGENT
 *   java Follow.java refuse PORT PROTOCOL CIPHER
 */
class Follow {
    public static void main(String[] args) throws Exception {
        if (args[0].equals("refuse")) {
            refuse(Integer.parseInt(args[1]), args[2], args[3]);
        } else if (args[0].equals("HttpURLConnection")) {
            var connection = (HttpURLConnection) URI.create(args[1]).toURL().openConnection();
            connection.setRequestProperty("User-Agent", args[2]);
            System.out.println(new String(connection.getInputStream().readAllBytes()));
        } else {
            var client = HttpClient.newBuilder()
                .version(HttpClient.Version.valueOf(args[0]))
                .followRedirects(HttpClient.Redirect.NORMAL)
                .build();
            var request = HttpRequest.newBuilder(URI.create(args[1])).header("User-Agent", args[2]).build();
            var end = client.send(request, HttpResponse.BodyHandlers.ofString());
            end.previousResponse().ifPresent(edge -> System.out.println(edge.version() + " " + edge.statusCode()));
            System.out.println(end.body());
        }
    }

    private static void refuse(int port, String protocol, String cipher) throws Exception {
        try (var socket = (SSLSocket) SSLContext.getDefault().getSocketFactory().createSocket("localhost", port)) {
            socket.setEnabledProtocols(new String[] {protocol});
            socket.setEnabledCipherSuites(new String[] {cipher});
            socket.startHandshake();
            System.out.println("spoken: " + socket.getSession().getProtocol() + " " + socket.getSession().getCipherSuite());
        } catch (javax.net.ssl.SSLException refused) {
            System.out.println(refused.getMessage());
        }
    }
}
