@shop
Feature: Only what has passed a test
  As somebody with hosts that nobody looks after
  I let them go only to trees that a tester's key vouches for

  Scenario: An upgrade waits for the record of a test, and so does a switch
    Given a host that follows the till's tree of a shop
    And a tester of the shop, whose key the host has
    When I run "echo certified_by=$(cat /run/media/trees/tester.id) >> /etc/dnf/plugins/ostree.conf"
    And the shop has version 12.1 of the till's tree
    And I run "dnf -y upgrade"
    Then it fails
    And it says "has no good signature or certification by "
    And it says "Nothing was deployed: the host is as it was."
    And there is no new deployment
    When the tester certifies the till's tree by a test that failed
    Then it fails
    And it says "says that something failed"
    When I run "dnf -y upgrade"
    Then it fails
    When the tester certifies the till's tree by a test that passed
    And I run "dnf -y upgrade"
    Then it ends well
    And there is one new deployment, staged
    When the host reboots
    Then "rpm -q till" says "till-2"
    And "dnf status" says "by Tester ("
    And "dnf status" says "): result.json (7 tests)"

    When I run "sed -i /certified_by/d /etc/dnf/plugins/ostree.conf"
    And I run "dnf -y rebase --certified-by $(cat /run/media/trees/tester.id) trees:shop/12/x86_64/kiosk"
    Then it fails
    And it says "has no good signature or certification by "
    When the tester certifies the kiosk's tree by a test that passed
    And I run "dnf -y rebase --certified-by $(cat /run/media/trees/tester.id) trees:shop/12/x86_64/kiosk"
    Then it says "Reboot to start it"
    And "dnf status" says "  0 world trees:shop/12/x86_64/kiosk (staged)"
