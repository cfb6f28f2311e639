package main

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	executionv1 "github.com/zona-platform/zona/gen/zona/execution/v1"
	identityv1 "github.com/zona-platform/zona/gen/zona/identity/v1"
	utilityv1 "github.com/zona-platform/zona/gen/zona/utility/v1"
)

// bearer shows an access token with each call. The server is on this machine, so no one else sees it.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return false }

func signIn(ctx context.Context, identity identityv1.IdentityServiceClient, user, password string) (*identityv1.IssueTokenResponse, error) {
	return identity.IssueToken(ctx, &identityv1.IssueTokenRequest{Credential: &identityv1.IssueTokenRequest_Password{
		Password: &identityv1.PasswordCredential{User: user, Password: password},
	}})
}

// as is the identity service, called with a token.
func (c *client) as(token string) identityv1.IdentityServiceClient {
	return identityv1.NewIdentityServiceClient(c.connect(token))
}

func signedIn(ctx context.Context, c *client) {
	answer := must(signIn(ctx, c.identity, c.caller, c.password))
	expect(answer.Principal == c.caller && answer.Session != "", "signed in as %q in %q", answer.Principal, answer.Session)
	lasts := answer.ExpiresIn.AsDuration().Minutes()
	expect(lasts > 0 && lasts <= 15, "a token lasts %v minutes", lasts)
	known := must(c.as(answer.AccessToken).WhoAmI(ctx, &identityv1.WhoAmIRequest{}))
	expect(known.Principal == c.caller && known.Session == answer.Session, "known as %v", known)
}

func wronglySignedIn(ctx context.Context, c *client) {
	_, wrong := signIn(ctx, c.identity, c.caller, c.password+"!")
	_, unknown := signIn(ctx, c.identity, c.tenant+"/users/go-nobody", c.password)
	expect(status.Code(wrong) == codes.Unauthenticated, "a wrong password is %v", wrong)
	expect(wrong.Error() == unknown.Error(), "%q differs from %q", wrong, unknown)
}

func unsigned(ctx context.Context, c *client) {
	_, err := utilityv1.NewUtilityServiceClient(c.connect("")).ListUtilities(ctx, &utilityv1.ListUtilitiesRequest{Parent: c.tenant})
	mustFail(err, codes.Unauthenticated, "UNAUTHENTICATED")
	_, err = c.as("no.such.token").WhoAmI(ctx, &identityv1.WhoAmIRequest{})
	mustFail(err, codes.Unauthenticated, "UNAUTHENTICATED")
}

func refreshed(ctx context.Context, c *client) {
	first := must(signIn(ctx, c.identity, c.caller, c.password))
	refresh := func(token string) (*identityv1.RefreshTokenResponse, error) {
		return c.identity.RefreshToken(ctx, &identityv1.RefreshTokenRequest{RefreshToken: token})
	}
	second := must(refresh(first.RefreshToken))
	expect(second.Session == first.Session && second.RefreshToken != first.RefreshToken, "session %q after %q", second.Session, first.Session)
	must(c.as(second.AccessToken).WhoAmI(ctx, &identityv1.WhoAmIRequest{}))
	_, err := refresh(first.RefreshToken)
	mustFail(err, codes.Unauthenticated, "UNAUTHENTICATED")
	_, err = refresh(second.RefreshToken)
	mustFail(err, codes.Unauthenticated, "UNAUTHENTICATED")
	_, err = c.as(second.AccessToken).WhoAmI(ctx, &identityv1.WhoAmIRequest{})
	mustFail(err, codes.Unauthenticated, "UNAUTHENTICATED")
}

func revoked(ctx context.Context, c *client) {
	const id = "go-revoked"
	c.create(ctx, id, scriptCode, nil)
	answer := must(signIn(ctx, c.identity, c.caller, c.password))
	stream := must(executionv1.NewExecutionServiceClient(c.connect(answer.AccessToken)).ExecuteUtility(ctx, &executionv1.ExecuteUtilityRequest{
		Name: c.name(id), ParamsJson: `{"steps": 80, "pause": 0.1}`, CancelOnDisconnect: true,
	}))
	must(stream.Recv())
	must(c.as(answer.AccessToken).Revoke(ctx, &identityv1.RevokeRequest{Name: answer.Session}))
	var err error
	for err == nil {
		var event *executionv1.ExecutionEvent
		event, err = stream.Recv()
		expect(event.GetFinished() == nil, "the stream goes on to its end")
	}
	mustFail(err, codes.Unauthenticated, "UNAUTHENTICATED")
	_, err = c.as(answer.AccessToken).WhoAmI(ctx, &identityv1.WhoAmIRequest{})
	mustFail(err, codes.Unauthenticated, "UNAUTHENTICATED")
	must(c.utilities.DeleteUtility(ctx, &utilityv1.DeleteUtilityRequest{Name: c.name(id)}))
}
